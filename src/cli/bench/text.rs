//! The table of `plumb bench`: where it ran, what was measured, and a row a figure.

use serde_json::Value;

use crate::bench::Report;
use crate::bench::figures::Figure;
use crate::cli::out;
use crate::error::Result;
use crate::machine::Machine;
use crate::sanitize;

/// The ends of names, how the unit is shown, and by what a figure is multiplied for it.
const UNITS: [(&str, &str, f64); 7] = [
    ("_tokens_per_s", "tok/s", 1.0),
    ("_gb_per_s", "GB/s", 1.0),
    ("_gflops", "GFLOP/s", 1.0),
    ("_gops", "GOP/s", 1.0),
    ("_bytes", "MB", 1e-6),
    ("_share", "%", 100.0),
    ("_ms", "ms", 1.0),
];

/// Prints it.
pub(super) fn print(report: &Report) -> Result<()> {
    let mut lines = vec![title(report), machine(&report.machine), String::new()];
    let facts = report.facts.iter();
    lines.extend(facts.map(|(name, value)| format!("{}: {}", words(name), fact(value))));
    lines.push(String::new());
    lines.extend(out::table(&rows(report), 1..5));
    out::lines(&lines)
}

fn title(report: &Report) -> String {
    let model = report
        .model
        .as_ref()
        .map_or(String::new(), |id| format!("  {id}"));
    let (runs, warm_up) = (report.runs, report.warm_up);
    let device = report.device.map_or(String::new(), |name| format!(" on {name}"));
    format!(
        "plumb bench {}{model}{device}  {runs} runs, {warm_up} before them",
        words(report.what)
    )
}

fn machine(machine: &Machine) -> String {
    let processor = machine.processor.as_deref().unwrap_or("unnamed processor");
    let load = machine.load.map_or_else(
        || "not told".to_owned(),
        |load| load.map(|average| format!("{average:.2}")).join(" "),
    );
    format!(
        "{}, {} threads, {}, load {load}",
        sanitize::line(processor),
        machine.threads,
        machine.lanes
    )
}

fn fact(value: &Value) -> String {
    match value {
        Value::String(text) => sanitize::line(text).into_owned(),
        other => other.to_string(),
    }
}

fn words(name: &str) -> String {
    name.replace('_', " ")
}

/// The heading, then a row a figure; a share of a limit stands in the row of what it is a share of.
fn rows(report: &Report) -> Vec<Vec<String>> {
    let heading = ["", "median", "low", "high", "n", "unit", ""].map(str::to_owned);
    let mut rows = vec![heading.to_vec()];
    for (name, figure) in report.measures.iter() {
        let Some((stem, unit, factor)) = unit(name).filter(|(_, unit, _)| *unit != "%") else {
            continue;
        };
        let share = report.measures.get(&format!("{stem}_share"));
        rows.push(row(stem, figure, unit, factor, share));
    }
    rows
}

/// The name without its unit, how the unit is shown, and by what to multiply.
fn unit(name: &str) -> Option<(&str, &'static str, f64)> {
    let mut found = UNITS
        .iter()
        .filter_map(|(end, unit, factor)| Some((name.strip_suffix(end)?, *unit, *factor)));
    found.next().or(Some((name, "", 1.0)))
}

fn row(stem: &str, figure: &Figure, unit: &str, factor: f64, share: Option<&Figure>) -> Vec<String> {
    let number = |x: f64| number(x * factor);
    let share = share.map_or(String::new(), |share| {
        format!("{:.0} % of the limit", share.median * 100.0)
    });
    vec![
        words(stem),
        number(figure.median),
        number(figure.low),
        number(figure.high),
        figure.n.to_string(),
        unit.to_owned(),
        share,
    ]
}

/// Four digits that matter.
fn number(x: f64) -> String {
    let decimals = match x.abs() {
        x if x >= 1000.0 => 0,
        x if x >= 100.0 => 1,
        x if x >= 10.0 => 2,
        _ => 3,
    };
    format!("{x:.decimals$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_say_their_units() {
        assert_eq!(unit("first_score_ms"), Some(("first_score", "ms", 1.0)));
        assert_eq!(unit("decode_tokens_per_s"), Some(("decode", "tok/s", 1.0)));
        assert_eq!(unit("kv_bytes"), Some(("kv", "MB", 1e-6)));
        assert_eq!(
            unit("peak_rss_per_model_byte"),
            Some(("peak_rss_per_model_byte", "", 1.0))
        );
    }
}
