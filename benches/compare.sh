#!/usr/bin/env bash
# Whether this tree is slower than an older one: two builds, measured in one interleaved run.
#
#   benches/compare.sh BASE BENCH [ARGUMENTS]           nine turns each; the median of every figure
#   benches/compare.sh --instructions BASE BENCH [..]   one turn each under callgrind (valgrind)
#
# BASE is a commit, BENCH a benchmark of the workspace, ARGUMENTS are its own; `--json` is added.
# Prints each figure of each row: base, now, and now over base. Where the project says "no slower",
# or "within n %", this is how it is meant.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly TURNS=9
TARGET=$(realpath -m "${CARGO_TARGET_DIR:-target}")/compare
readonly TARGET

usage() {
    sed -n '2,/^set/{/^set/!p}' "$0" >&2
    exit 2
}

main() {
    local mode=turns base bench old new
    if [[ ${1:-} == --instructions ]]; then
        mode=instructions
        shift
    fi
    (($# >= 2)) || usage
    base=$(git rev-parse --verify --quiet "$1^{commit}") || {
        echo "there is no commit $1" >&2
        exit 2
    }
    bench=$2
    shift 2
    check_out "$base"
    old=$(build "$TARGET/base" "$TARGET/base-target" "$bench")
    new=$(build . "$TARGET/new-target" "$bench")
    if [[ $mode == instructions ]]; then
        instructions "$old" "$new" "$@"
    else
        turns "$old" "$new" "$@"
    fi
}

check_out() {
    rm -rf "$TARGET/base"
    mkdir -p "$TARGET/base"
    git archive "$1" | tar -x -C "$TARGET/base"
}

# Builds the benchmark of a tree and says where it is.
build() {
    local tree=$1 target=$2 bench=$3 said program
    said=$(cd "$tree" && cargo bench --quiet --workspace --no-run --bench "$bench" \
        --target-dir "$target" --message-format json)
    program=$(sed -n 's/.*"executable":"\([^"]*\)".*/\1/p' <<< "$said" | tail -n 1)
    [[ -x $program ]] || {
        echo "cargo names no program for the benchmark $bench" >&2
        exit 2
    }
    echo "$program"
}

turns() {
    local old=$1 new=$2 turn rows
    shift 2
    rows=$(mktemp -d)
    for ((turn = 1; turn <= TURNS; turn++)); do
        echo "turn $turn of $TURNS" >&2
        # Who begins changes, so that neither side always meets what the other left behind.
        if ((turn % 2)); then
            "$old" --json "$@" >> "$rows/old"
            "$new" --json "$@" >> "$rows/new"
        else
            "$new" --json "$@" >> "$rows/new"
            "$old" --json "$@" >> "$rows/old"
        fi
    done
    figures "$rows/old" > "$rows/old.figures"
    figures "$rows/new" > "$rows/new.figures"
    [[ -s $rows/old.figures && -s $rows/new.figures ]] || {
        echo "the benchmark printed no figures" >&2
        exit 1
    }
    printf '%-64s %14s %14s %8s\n' figure base now ratio
    join -t $'\t' "$rows/old.figures" "$rows/new.figures" |
        awk -F '\t' '{ ratio = $2 == 0 ? "-" : sprintf("%.3f", $3 / $2)
                       printf "%-64s %14.6g %14.6g %8s\n", $1, $2, $3, ratio }'
    rm -r "$rows"
}

# The median of each number, by the words of its row and its key. A turn prints the same rows in the
# same order; what tells two rows apart are their words and, where these are equal, their place.
figures() {
    local per_turn
    per_turn=$(($(wc -l < "$1") / TURNS))
    awk -v rows="$per_turn" '
        { row = (NR - 1) % rows; line = $0; words = ""
          while (match(line, /"[a-z_0-9]+": ?"[^"]*"/)) {
              pair = substr(line, RSTART, RLENGTH); line = substr(line, RSTART + RLENGTH)
              sub(/^"[a-z_0-9]+": ?/, "", pair); gsub(/"/, "", pair); words = words pair " "
          }
          line = $0
          while (match(line, /"[a-z_0-9]+": ?-?[0-9][0-9.e+-]*/)) {
              pair = substr(line, RSTART + 1, RLENGTH - 1); line = substr(line, RSTART + RLENGTH)
              split(pair, half, /": ?/); print row " " words half[1] "\t" half[2]
          }
        }' "$1" | sort -t $'\t' -k 1,1 -k 2,2g |
        awk -F '\t' 'function tell() { if (n) print key "\t" value[int((n + 1) / 2)] }
            $1 != key { tell(); key = $1; n = 0 }
            { value[++n] = $2 }
            END { tell() }' | sort -t $'\t' -k 1,1
}

# Counts do not depend on what else the machine does.
instructions() {
    local old=$1 new=$2 was now
    shift 2
    was=$(counted "$old" "$@")
    now=$(counted "$new" "$@")
    awk -v was="$was" -v now="$now" \
        'BEGIN { printf "instructions: base %d, now %d, ratio %.4f\n", was, now, now / was }'
}

counted() {
    local program=$1 said
    shift
    said=$(valgrind --tool=callgrind --callgrind-out-file=/dev/null "$program" --json "$@" 2>&1)
    sed -n 's/.*Collected : \([0-9]*\).*/\1/p' <<< "$said" | tail -n 1
}

main "$@"
