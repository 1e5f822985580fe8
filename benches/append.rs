//! Durable appends beside the raw limit of the device under them.
//!
//! Not a comparison with other stores and not a test: it judges nothing. How to read the rows
//! stands in `benches/README.md`.
#![expect(clippy::disallowed_methods, reason = "a benchmark measures real time on real files")]

#[expect(dead_code, reason = "the recovery benchmark uses the rest")]
mod support;

use std::{path::PathBuf, process::ExitCode, time::Duration};
use support::{
    Failure,
    args::Args,
    default_dir, median,
    output::{Fields, Output, Value},
    real,
    row::{Measured, Mode, Row},
    say,
};

const FLAGS: [&str; 1] = ["--json"];
const KEYS: [&str; 8] = [
    "--writers",
    "--payload",
    "--outstanding",
    "--secs",
    "--mode",
    "--dir",
    "--segment-mib",
    "--segments",
];
/// How long the log of a sustained row may write if no time is given and it is slow.
const SUSTAINED_TIME_MAX: Duration = Duration::from_secs(60);

fn main() -> ExitCode {
    let plan = Args::parse(std::env::args().skip(1), &FLAGS, &KEYS).and_then(|args| plan(&args));
    let plan = match plan {
        Ok(plan) => plan,
        Err(failure) => return say(&failure, 2),
    };
    match run(&plan) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => say(&failure, 1),
    }
}

struct Plan {
    rows: Vec<Row>,
    dir: PathBuf,
    json: bool,
}

fn plan(args: &Args) -> Result<Plan, Failure> {
    let secs = args.number("--secs", 0.1, 600.0)?;
    let writers = args.numbers("--writers", 1, 4096)?;
    let payloads = args.numbers("--payload", 1, 512 << 10)?;
    let outstanding = args.numbers("--outstanding", 1, 64)?;
    let mode = args.text("--mode").map(mode_named).transpose()?;
    let segment_mib = args.number("--segment-mib", 1_u64, 256)?;
    let segments = args.number("--segments", 1_usize, 100)?;
    let mut rows = if [&writers, &payloads, &outstanding].iter().all(|given| given.is_none())
        && mode.is_none()
    {
        standard_rows()
    } else {
        let or = |given: Option<Vec<usize>>, usual| given.unwrap_or_else(|| vec![usual]);
        let (writers, payloads) = (or(writers, 1), or(payloads, 256));
        let mode = mode.unwrap_or(Mode::Burst);
        combined(mode, &writers, &payloads, &or(outstanding, 1))
    };
    for row in &mut rows {
        if let Some(secs) = secs {
            row.time = Duration::from_secs_f64(secs);
            row.time_max = row.time;
        }
        if let Some(mib) = segment_mib {
            row.segment_bytes = mib.next_power_of_two() << 20;
        }
        row.segments = segments.unwrap_or(row.segments);
    }
    if rows.iter().any(|row| row.mode == Mode::Blocking && row.outstanding > 1) {
        return Err("a thread that blocks has one append under way, not several".into());
    }
    let dir = args.text("--dir").map_or_else(default_dir, PathBuf::from);
    let json = args.has("--json");
    Ok(Plan { rows, dir, json })
}

fn combined(mode: Mode, writers: &[usize], payloads: &[usize], outstanding: &[usize]) -> Vec<Row> {
    let mut rows = Vec::new();
    for &payload_bytes in payloads {
        for &writers in writers {
            let several = outstanding.iter();
            rows.extend(several.map(|&each| row(mode, writers, payload_bytes, each)));
        }
    }
    rows
}

fn mode_named(name: &str) -> Result<Mode, Failure> {
    match name {
        "burst" => Ok(Mode::Burst),
        "sustained" => Ok(Mode::Sustained),
        "blocking" => Ok(Mode::Blocking),
        _ => Err(format!("--mode takes burst, sustained or blocking, not `{name}`").into()),
    }
}

fn name_of(mode: Mode) -> &'static str {
    match mode {
        Mode::Burst => "burst",
        Mode::Sustained => "sustained",
        Mode::Blocking => "blocking",
    }
}

fn row(mode: Mode, writers: usize, payload_bytes: usize, outstanding: usize) -> Row {
    // What a lonely writer fills in reasonable time is smaller than what many fill.
    let few = mode == Mode::Sustained && writers * outstanding * payload_bytes < 16 << 10;
    Row {
        mode,
        writers,
        payload_bytes,
        outstanding,
        time: Duration::from_secs(3),
        segment_bytes: if few { 4 << 20 } else { 64 << 20 },
        segments: 21,
        time_max: SUSTAINED_TIME_MAX,
    }
}

fn standard_rows() -> Vec<Row> {
    let mut rows: Vec<Row> =
        [1, 16, 64, 256].map(|writers| row(Mode::Burst, writers, 256, 1)).into();
    rows.push(row(Mode::Burst, 256, 4096, 1));
    rows.push(row(Mode::Burst, 256, 256, 4));
    rows.push(row(Mode::Blocking, 1, 256, 1));
    rows.push(row(Mode::Sustained, 1, 256, 1));
    rows.push(row(Mode::Sustained, 256, 256, 1));
    rows.push(row(Mode::Sustained, 256, 4096, 1));
    rows
}

fn run(plan: &Plan) -> Result<(), Failure> {
    let mut output = Output::new(plan.json);
    std::fs::create_dir_all(&plan.dir)?;
    for row in &plan.rows {
        let scratch = tempfile::Builder::new().prefix("sagalog-append-").tempdir_in(&plan.dir)?;
        let measured = row.measure(scratch.path())?;
        output.row(&fields(row, &measured))?;
    }
    Ok(())
}

fn fields(row: &Row, measured: &Measured) -> Fields {
    let (log, raw) = (&measured.log, &measured.raw);
    let mut fields = vec![
        ("mode", Value::Word(name_of(row.mode).to_owned())),
        ("writers", Value::Count(row.writers as u64)),
        ("payload_bytes", Value::Count(row.payload_bytes as u64)),
        ("outstanding", Value::Count(row.outstanding as u64)),
        ("appends_per_s", Value::Number(log.per_second())),
        ("raw_per_s", Value::Number(raw.per_second())),
        ("ratio", Value::Number(measured.ratio())),
        ("ratio_of_sums", Value::Number(log.per_second() / raw.per_second().max(1e-9))),
        ("p50_us", Value::Number(log.latency.quantile_us(500))),
        ("p99_us", Value::Number(log.latency.quantile_us(990))),
        ("raw_p50_us", Value::Number(raw.latency.quantile_us(500))),
        ("raw_p99_us", Value::Number(raw.latency.quantile_us(990))),
    ];
    fields.extend(byte_fields(row, measured));
    if row.mode == Mode::Sustained {
        fields.extend(roll_fields(measured));
    }
    fields
}

fn byte_fields(row: &Row, measured: &Measured) -> Fields {
    let payload = real(measured.log.appends * row.payload_bytes as u64).max(1.0);
    let raw_payload = real(measured.raw.appends * row.payload_bytes as u64).max(1.0);
    let (log, raw) = (&measured.log, &measured.raw);
    let per = |bytes: Option<f64>, payload: f64| Value::from(bytes.map(|bytes| bytes / payload));
    vec![
        ("data_bytes_per_payload_byte", per(log.written_bytes.map(real), payload)),
        ("prepared_bytes_per_payload_byte", per(measured.prepared_bytes, payload)),
        ("raw_bytes_per_payload_byte", per(raw.written_bytes.map(real), raw_payload)),
        ("taken_bytes_per_payload_byte", per(Some(real(measured.taken_bytes)), payload)),
        ("log_secs", Value::Number(log.elapsed.as_secs_f64())),
        ("segment_mib", Value::Count(row.segment_bytes >> 20)),
    ]
}

fn roll_fields(measured: &Measured) -> Fields {
    let p50_us = measured.log.latency.quantile_us(500).max(1e-3);
    let worst_us = measured.rolls_us.iter().copied().fold(0.0, f64::max);
    vec![
        ("segments", Value::Count(measured.segments as u64)),
        ("worst_roll_us", Value::Number(worst_us)),
        ("roll_p50_ratio", Value::Number(worst_us / p50_us)),
        ("median_roll_us", Value::Number(median(&measured.rolls_us))),
        ("median_elsewhere_us", Value::Number(median(&measured.elsewhere_us))),
    ]
}
