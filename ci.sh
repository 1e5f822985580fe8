#!/usr/bin/env bash
# Everything that must hold before a change is merged.
#
#   ./ci.sh quick    format, lints, tests, style
#   ./ci.sh          all of it: also docs, features, minimum Rust, simulation, benches
#
# Needs a Rust toolchain and the crates registry, nothing else. Stops at the first section that
# fails and names it. A section that cannot run says so; none is left out in silence.
set -euo pipefail
shopt -s inherit_errexit
cd "$(dirname "${BASH_SOURCE[0]}")"

readonly CRATES_MAX=26 CRATES_MAX_BARE=10
readonly DISK_SEEDS=3000 STORE_SEEDS=1000 SAGA_SEEDS=1000 ORDERS_SEEDS=1000 MADSIM_SEEDS=30
readonly SAME_SEEDS=20 PLANTED=6 FUZZ_SECONDS=20
TARGET=$(realpath -m "${CARGO_TARGET_DIR:-target}")
readonly TARGET

current="start"
unchecked=0

main() {
    trap 'report $?' EXIT
    drop_rustflags
    case "${1:-all}" in
        quick) quick ;;
        all)
            quick
            thorough
            ;;
        *)
            echo "usage: ./ci.sh [quick|all]" >&2
            exit 2
            ;;
    esac
    current="done"
}

# Sections are called without `&&` or `if`, since bash ignores `set -e` inside those. Each is built
# with as few sets of features, flags and profiles as it can: compiling is nearly all of the time.
quick() {
    section "format" cargo fmt --all --check
    section "lints" cargo clippy --quiet --workspace --all-targets --features bincode -- -D warnings
    section "tests and style" tests
}

thorough() {
    section "dependencies" dependencies
    section "lints of fewer features" bare_lints
    section "documentation tests" cargo test --quiet --workspace --doc --features bincode
    section "documentation" documentation
    section "minimum Rust" minimum_rust
    section "simulated worlds" worlds
    section "simulation: the same optimised and not" \
        sim determinism --seeds "$SAME_SEEDS" --with "$TARGET/debug/sim"
    section "simulation: planted bugs apply, $PLANTED are noticed" planted
    section "simulation on madsim's executor" on_madsim
    section "embedding" embedding
    section "benches run" benches
    section "examples run" examples
    section "the README's main job" main_job
    section "fuzzing: $FUZZ_SECONDS s a target" fuzz/run.sh "$FUZZ_SECONDS"
}

# The three longest beside all others: each has tests that go on alone when its others have ended.
tests() {
    local all=(--quiet --workspace --features bincode) long=(log store sagas) names name
    cargo test "${all[@]}" --tests --no-run
    names=$(cargo metadata --no-deps --format-version 1 |
        grep -o '"kind":\["test"\],"crate_types":\["bin"\],"name":"[^"]*"' | cut -d '"' -f 12)
    local these=() others=(--lib --bins)
    for name in $names; do
        if [[ " ${long[*]} " == *" $name "* ]]; then
            these+=(--test "$name")
        else
            others+=(--test "$name")
        fi
    done
    beside cargo test "${all[@]}" "${these[@]}" -- cargo test "${all[@]}" "${others[@]}"
}

# Features only add: none may need another one. The tests' dependencies may switch features on that
# users lack, so the library is looked at alone.
bare_lints() {
    local features
    for features in "" bincode; do
        cargo clippy --quiet -p sagalog --lib --no-default-features --features "$features" \
            -- -D warnings
    done
    # And with it the library with `json` alone.
    cargo clippy --quiet -p orders --lib --no-default-features -- -D warnings
}

documentation() {
    RUSTDOCFLAGS="-D warnings" cargo doc --quiet --no-deps --features bincode
}

dependencies() {
    at_most "$CRATES_MAX" "default features" "$(count_crates)"
    at_most "$CRATES_MAX_BARE" "no default features" "$(count_crates --no-default-features)"
    if cargo deny --version > /dev/null 2>&1; then
        # Advisories change without us and have to be fetched: nightly.sh.
        cargo deny check licenses bans sources
    else
        not_checked "licences, bans and sources (cargo-deny is not installed)"
    fi
}

count_crates() {
    cargo tree --locked -p sagalog -e normal --prefix none --no-dedupe "$@" |
        sort -u | grep -vc '^sagalog '
}

at_most() {
    local limit=$1 what=$2 count=$3
    echo "$count crates with $what, at most $limit"
    ((count <= limit))
}

# What a user builds: the packed crate, outside of the workspace, with default features and without.
embedding() {
    local root target=$TARGET/embed
    root=$(mktemp -d)
    rm -rf "$target"
    pack "$target" --offline 2> /dev/null || pack "$target"
    mkdir "$root/sagalog"
    tar -xzf "$target"/package/sagalog-*.crate -C "$root/sagalog" --strip-components 1
    cp -R tests/embed "$root/app"
    # The versions that everything else here was tested with.
    cp Cargo.lock "$root/app/Cargo.lock"
    embed "$root" "$target" "with default features"
    embed "$root" "$target" "without them" --no-default-features
    rm -r "$root"
}

pack() {
    local target=$1
    shift
    cargo package --quiet -p sagalog --allow-dirty --no-verify --target-dir "$target" "$@"
}

# From a directory outside of this tree, so that no configuration of ours is found.
embed() {
    local root=$1 target=$2 how=$3
    shift 3
    (cd "$root/app" && cargo run --quiet --target-dir "$target" "$@" -- "$root/store")
    echo "builds and runs $how"
}

# Clippy's `incompatible_msrv` has looked at every call already, if both files name one version.
minimum_rust() {
    local version in_clippy toolchain
    version=$(sed -n 's/^rust-version = "\(.*\)"$/\1/p' Cargo.toml)
    in_clippy=$(sed -n 's/^msrv = "\(.*\)"$/\1/p' clippy.toml)
    echo "Cargo.toml says $version, clippy.toml says $in_clippy"
    [[ -n $version && $version == "$in_clippy" ]]
    # Its full name: rustup would download what a shorter one, such as 1.89, does not match.
    toolchain=$(rustup toolchain list 2> /dev/null | grep -m 1 -o "^$version[.-][^ ]*" || true)
    if [[ -n $toolchain ]]; then
        cargo "+$toolchain" check --quiet --all-targets
    else
        not_checked "a build with Rust $version (rustup does not have it here)"
    fi
}

# They have to run, not to be fast: CI machines are shared. So they are built as the tests are.
benches() {
    cargo bench --quiet --profile dev --workspace --features bincode --no-run
    bench append --json --secs 1 --mode blocking --writers 1 --payload 256 --outstanding 1
    bench recovery --json --mib 16
    bench store --json --events 5000 --secs 0.5 --rounds 1 --reads 500
    bench saga --json --case speed,recovery,memory,ended --secs 0.5 --rounds 1 \
        --concurrent 1,64 --sagas 200
    bench call --json --calls 1000
    bench kernel 1000 64
}

bench() {
    local name=$1
    shift
    cargo bench --quiet --profile dev --workspace --features bincode --bench "$name" -- "$@"
}

# Debug, since they share with the tests what is built, and are short.
examples() {
    local name
    cargo build --quiet --workspace --examples --features bincode
    for name in first_log first_saga last_seat command_keys read_model old_events time_travel \
        stuck_saga delivered_twice; do
        echo "-- $name"
        "$TARGET/debug/examples/$name"
    done
}

# A made-up day, and again: the second time changes nothing.
main_job() {
    local dir
    dir=$(mktemp -d)
    "$TARGET/debug/orders" --data "$dir/shop" --report "$dir/report.html" | tee "$dir/first"
    "$TARGET/debug/orders" --data "$dir/shop" > "$dir/second"
    cmp "$dir/first" "$dir/second"
    "$TARGET/debug/sagalog" check "$dir/shop/orders"
    rm -r "$dir"
}

# A suite runs on one core, so two at a time.
worlds() {
    cargo build --quiet --profile worlds -p sagalog-sim
    beside sim disk --seeds "$DISK_SEEDS" -- sim store --seeds "$STORE_SEEDS"
    beside sim saga --seeds "$SAGA_SEEDS" -- sim orders --seeds "$ORDERS_SEEDS"
}

# Runs two commands, with `--` between them, beside each other; fails if one of them does.
beside() {
    local first=() pid
    while [[ $1 != -- ]]; do
        first+=("$1")
        shift
    done
    shift
    "${first[@]}" &
    pid=$!
    "$@"
    wait "$pid"
}

# Other ones with each commit.
planted() {
    sim planted --check
    # One worker: each builds all of it once before its first bug.
    sim planted --pick "$PLANTED" --workers 1
}

sim() {
    "$TARGET/worlds/sim" "$@"
}

# Another scheduler: what holds in our order of tasks has to hold in its order too. Debug, since
# building for it costs more than running it.
on_madsim() {
    local suite
    for suite in disk store saga orders; do
        cargo sim-madsim "$suite" --seeds "$MADSIM_SEEDS"
    done
    cargo sim-madsim-test --quiet --test nodes
}

# cargo lets these replace the flags it is configured with, so that `--cfg madsim` would vanish and
# the cross-check would check nothing.
drop_rustflags() {
    local name
    for name in RUSTFLAGS CARGO_ENCODED_RUSTFLAGS CARGO_BUILD_RUSTFLAGS; do
        if [[ -n ${!name+set} ]]; then
            echo "note: $name is set (\"${!name}\") and ignored here: it would replace --cfg madsim"
            unset "$name"
        fi
    done
}

section() {
    current=$1
    local start=$SECONDS
    shift
    echo "== $current"
    "$@"
    echo "   ok after $((SECONDS - start)) s ($SECONDS s in all)"
}

not_checked() {
    unchecked=$((unchecked + 1))
    echo "   NOT CHECKED: $1"
}

report() {
    if [[ $current == done ]]; then
        echo "Passed in $SECONDS s, with $unchecked things not checked."
    elif [[ $1 != 2 || $current != start ]]; then
        echo "FAILED in section \"$current\" after $SECONDS s." >&2
    fi
}

main "$@"
