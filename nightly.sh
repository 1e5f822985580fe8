#!/usr/bin/env bash
# What is too slow for every change: all planted bugs, a campaign of fresh seeds, long fuzzing, and
# the advisories. Writes docs/PLANTED.md and docs/NIGHTLY.md, which are committed.
#
#   ./nightly.sh [MINUTES]     MINUTES of the campaign, and of fuzzing for all targets (else 60)
set -euo pipefail
shopt -s inherit_errexit
cd "$(dirname "${BASH_SOURCE[0]}")"

readonly MINUTES=${1:-60}
readonly PAGE=docs/NIGHTLY.md
targets=$(find fuzz/seeds -mindepth 1 -maxdepth 1 -type d | wc -l)
readonly targets

main() {
    local lines
    lines=$(mktemp)
    tell "planted bugs" cargo sim planted --workers "$(nproc)" --write --json
    tell "the same histories in two builds" cargo sim determinism
    tell "campaign of $MINUTES min" cargo sim campaign --minutes "$MINUTES" --fresh --json
    # Two targets run at a time.
    tell "fuzzing for $MINUTES min" fuzz/run.sh $((MINUTES * 60 * 2 / targets))
    tell "lints on madsim" cargo clippy --quiet --config "build.rustflags=['--cfg','madsim']" \
        -p sagalog-sim --all-targets -- -D warnings
    tell "advisories" cargo deny check advisories
    page > "$PAGE"
    cat "$PAGE"
    rm "$lines"
    ! grep -q "FAILED" "$PAGE"
}

# Runs a part and notes how it ended: one that fails does not keep the others from running.
tell() {
    local what=$1 start=$SECONDS result=passed last
    shift
    echo "== $what"
    last=$(mktemp)
    "$@" | tee "$last" || result=FAILED
    printf '| %s | %s | %d s | `%s` |\n' "$what" "$result" $((SECONDS - start)) \
        "$(tail -n 1 "$last" | cut -c 1-160)" >> "$lines"
    rm "$last"
}

page() {
    cat << END
# The last nightly run

Written by \`nightly.sh\` on $(date -u +%F) with $(nproc) cores, of commit
$(git rev-parse --short=12 HEAD).

| part | result | took | last line |
|---|---|---|---|
END
    cat "$lines"
}

main
