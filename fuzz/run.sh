#!/usr/bin/env bash
# Builds every fuzz target and runs each for SECONDS, two at a time: fuzz/run.sh SECONDS
#
# libFuzzer without `cargo fuzz` and without a nightly toolchain: the instrumentation is LLVM's and
# needs no unstable flag. The address sanitizer would, and there is no `unsafe` here that it could
# watch. A run begins at fuzz/seeds, which it leaves alone; what it finds stays in target/found, and
# an input that breaks a target in fuzz/artifacts.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

readonly SECONDS_EACH=${1:?usage: fuzz/run.sh SECONDS}
readonly TARGET=${CARGO_TARGET_DIR:-target}/fuzz
host=$(rustc -vV | sed -n 's/^host: //p')
readonly BUILT=$TARGET/$host/release

build() {
    # With a named target these flags reach no build script.
    local flags="-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4"
    flags+=" -Cllvm-args=-sanitizer-coverage-inline-8bit-counters"
    flags+=" -Cllvm-args=-sanitizer-coverage-pc-table"
    flags+=" -Cllvm-args=-sanitizer-coverage-trace-compares"
    flags+=" -Cdebug-assertions"
    RUSTFLAGS=$flags cargo build --quiet --locked --release --bins --target "$host" \
        --target-dir "$TARGET"
}

run() {
    local name=$1 found=$TARGET/found/$1 log=$TARGET/$1.log
    mkdir -p "$found" "artifacts/$name"
    if "$BUILT/$name" "$found" "seeds/$name" -max_total_time="$SECONDS_EACH" \
        -artifact_prefix="artifacts/$name/" -print_final_stats=1 > "$log" 2>&1; then
        echo "$name: $(sed -n 's/^stat::number_of_executed_units: *//p' "$log") inputs"
    else
        tail -n 40 "$log" >&2
        echo "$name: broken by an input in fuzz/artifacts/$name" >&2
        return 1
    fi
}

build
names=(seeds/*)
for ((i = 0; i < ${#names[@]}; i += 2)); do
    pids=()
    for seeds in "${names[@]:i:2}"; do
        run "${seeds#seeds/}" &
        pids+=($!)
    done
    for pid in "${pids[@]}"; do
        wait "$pid"
    done
done
