//! What the program runs in: the terminal, the locale, and pip for bringing models.

use std::io::IsTerminal as _;

use super::Finding;
use crate::model::pull::Pip;

/// The smallest terminal the workstation shows itself in: columns, rows.
const SMALLEST: (u16, u16) = (60, 16);

pub(super) fn findings() -> Vec<Finding> {
    vec![terminal(), colour(), locale(), pip()]
}

fn set(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

fn terminal() -> Finding {
    let topic = "terminal";
    if !std::io::stdout().is_terminal() {
        return Finding::ok(
            topic,
            "none here; `plumb score` and everything with --json needs none",
        );
    }
    let kind = set("TERM").unwrap_or_else(|| "unknown".to_owned());
    let around: String = [
        ("TMUX", " in tmux"),
        ("STY", " in screen"),
        ("SSH_CONNECTION", " over ssh"),
    ]
    .iter()
    .filter_map(|(name, words)| set(name).map(|_| *words))
    .collect();
    match crossterm::terminal::size() {
        Ok((columns, rows)) if columns < SMALLEST.0 || rows < SMALLEST.1 => {
            let hint = format!("`plumb review` needs {}x{}", SMALLEST.0, SMALLEST.1);
            Finding::warn(topic, format!("{kind}{around}, {columns}x{rows}"), hint)
        }
        Ok((columns, rows)) => Finding::ok(topic, format!("{kind}{around}, {columns}x{rows}")),
        Err(_) => Finding::warn(topic, format!("{kind}{around}"), "it does not tell its size"),
    }
}

fn colour() -> Finding {
    let depth = match (set("COLORTERM").as_deref(), set("TERM").as_deref()) {
        (Some("truecolor" | "24bit"), _) => "16 million",
        (_, Some(term)) if term.contains("256color") => "256",
        (_, None | Some("dumb")) => "no",
        _ => "16",
    };
    let off = if set("NO_COLOR").is_some() {
        ", turned off by NO_COLOR"
    } else {
        ""
    };
    Finding::ok("colour", format!("{depth} colours{off}"))
}

fn locale() -> Finding {
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].iter().find_map(|name| set(name));
    let name = locale.unwrap_or_else(|| "C".to_owned());
    let utf8 = name.to_lowercase().replace('-', "").contains("utf8");
    if utf8 {
        return Finding::ok("locale", name);
    }
    let hint = "Chinese text may not show; `export LC_ALL=C.UTF-8` helps";
    Finding::warn("locale", format!("{name}, which is not UTF-8"), hint)
}

fn pip() -> Finding {
    match Pip::find() {
        Some(pip) => Finding::ok("pip", format!("{}, as `{}`", pip.version(), pip.call())),
        None => Finding::warn("pip", "not here", "models can then only be pulled from the hub"),
    }
}
