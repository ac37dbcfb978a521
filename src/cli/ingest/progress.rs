//! What a person sees while a dossier is read: each file that takes longer, and Ctrl-c, which ends it.

use std::io::{IsTerminal as _, Write as _};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use crate::cli::interrupt;
use crate::ingest::Witness;
use crate::sanitize::line;

/// A file is shown when it was read for so long: most are read sooner.
const ON_A_TERMINAL: Duration = Duration::from_millis(300);
/// The same where it costs a line that stays.
const IN_A_LOG: Duration = Duration::from_secs(2);
/// How often it is looked who takes long.
const EVERY: Duration = Duration::from_millis(100);
/// Without a terminal, pages are told of so many at a time.
const PAGES: usize = 10;

/// Shows the files that are being read on standard error: a bar each on a terminal, else a line each.
pub struct Progress {
    shared: Arc<Shared>,
    stopped: Arc<AtomicBool>,
}

/// What is being read.
struct Shared {
    bars: MultiProgress,
    /// Says a line, where there is no terminal.
    say: Option<Box<dyn Fn(&str) + Send + Sync>>,
    patience: Duration,
    open: Mutex<Vec<Open>>,
    ended: AtomicBool,
}

/// A file that is being read.
struct Open {
    name: String,
    since: Instant,
    /// How many of its pages are done, of how many; none while that is not known.
    pages: Option<(usize, usize)>,
    bar: Option<ProgressBar>,
    told: bool,
}

impl Progress {
    /// Starts watching for Ctrl-c.
    pub fn start() -> Self {
        let stopped = Arc::new(AtomicBool::new(false));
        interrupt::watch(Arc::clone(&stopped));
        let terminal = std::io::stderr().is_terminal();
        // Nobody to tell is no reason to stop.
        let say = |words: &str| drop(writeln!(std::io::stderr(), "{words}"));
        let shared = Arc::new(if terminal {
            Shared::new(ON_A_TERMINAL, None)
        } else {
            Shared::new(IN_A_LOG, Some(Box::new(say)))
        });
        let looking = Arc::clone(&shared);
        // Without the thread nothing is shown, and all is read.
        let _ = std::thread::Builder::new()
            .name("progress".to_owned())
            .spawn(move || {
                while !looking.ended.load(Ordering::Relaxed) {
                    looking.look(Instant::now());
                    std::thread::sleep(EVERY);
                }
            });
        Self { shared, stopped }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.shared.ended.store(true, Ordering::Relaxed);
    }
}

impl Witness for Progress {
    fn begin(&self, path: &str) {
        self.shared.begin(path, Instant::now());
    }

    fn page(&self, path: &str, done: usize, total: usize) {
        self.shared.page(path, done, total);
    }

    fn end(&self, path: &str) {
        self.shared.end(path);
    }

    fn stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }
}

impl Shared {
    fn new(patience: Duration, say: Option<Box<dyn Fn(&str) + Send + Sync>>) -> Self {
        Self {
            bars: MultiProgress::new(),
            say,
            patience,
            open: Mutex::default(),
            ended: AtomicBool::new(false),
        }
    }

    fn open(&self) -> MutexGuard<'_, Vec<Open>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn begin(&self, path: &str, since: Instant) {
        self.open().push(Open {
            name: line(path).into_owned(),
            since,
            pages: None,
            bar: None,
            told: false,
        });
    }

    fn page(&self, path: &str, done: usize, total: usize) {
        let mut open = self.open();
        let Some(file) = open.iter_mut().find(|file| file.name == line(path)) else {
            return;
        };
        file.pages = Some((done, total));
        if let Some(say) = self
            .say
            .as_ref()
            .filter(|_| file.told && done.is_multiple_of(PAGES))
        {
            say(&file.words());
        }
    }

    fn end(&self, path: &str) {
        let mut open = self.open();
        if let Some(at) = open.iter().position(|file| file.name == line(path))
            && let Some(bar) = open.swap_remove(at).bar
        {
            bar.finish_and_clear();
            self.bars.remove(&bar);
        }
    }

    /// Shows what takes long by `now`.
    fn look(&self, now: Instant) {
        for file in self.open().iter_mut() {
            if now.saturating_duration_since(file.since) < self.patience {
                continue;
            }
            match &self.say {
                Some(say) if !file.told => {
                    file.told = true;
                    say(&file.words());
                }
                Some(_) => {}
                None => {
                    let bar = file.bar.get_or_insert_with(|| self.bars.add(bar(&file.name)));
                    if let Some((done, total)) = file.pages {
                        bar.set_length(total as u64);
                        bar.set_position(done as u64);
                    }
                    bar.tick();
                }
            }
        }
    }
}

impl Open {
    /// `reading scan.pdf`, `reading scan.pdf, page 10 of 40`.
    fn words(&self) -> String {
        match self.pages {
            Some((done, total)) => format!("reading {}, page {done} of {total}", self.name),
            None => format!("reading {}", self.name),
        }
    }
}

/// The bar of a file: it fills where its pages are counted.
fn bar(name: &str) -> ProgressBar {
    let bar = ProgressBar::no_length();
    if let Ok(style) = ProgressStyle::with_template("{spinner} {elapsed:>4} {wide_bar} {msg}") {
        bar.set_style(style);
    }
    bar.set_message(name.to_owned());
    bar
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is said without a terminal.
    fn said(tell: impl FnOnce(&Shared, Instant)) -> Vec<String> {
        let words: Arc<Mutex<Vec<String>>> = Arc::default();
        let heard = Arc::clone(&words);
        let say = move |said: &str| {
            heard
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(said.to_owned())
        };
        let shared = Shared::new(IN_A_LOG, Some(Box::new(say)));
        tell(&shared, Instant::now());
        words.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    #[test]
    fn only_files_that_take_long_are_told_and_each_once() {
        let told = said(|shared, now| {
            shared.begin("quick.docx", now);
            shared.begin("slow\u{1b}.pdf", now);
            shared.look(now + IN_A_LOG / 2);
            shared.end("quick.docx");
            shared.look(now + IN_A_LOG);
            shared.look(now + IN_A_LOG * 2);
            shared.end("slow\u{1b}.pdf");
            shared.look(now + IN_A_LOG * 3);
            assert!(shared.open().is_empty());
        });
        assert_eq!(told, ["reading slow␛.pdf"]);
    }

    #[test]
    fn pages_are_told_ten_at_a_time() {
        let told = said(|shared, now| {
            shared.begin("scan.pdf", now);
            (1..=25).for_each(|page| shared.page("scan.pdf", page, 25));
            shared.look(now + IN_A_LOG);
            (1..=25).for_each(|page| shared.page("scan.pdf", page, 25));
            shared.page("gone.pdf", 10, 10);
        });
        let expected = [
            "reading scan.pdf, page 25 of 25",
            "reading scan.pdf, page 10 of 25",
            "reading scan.pdf, page 20 of 25",
        ];
        assert_eq!(told, expected);
    }

    /// Bars that were shown are gone when their files are read.
    #[test]
    fn on_a_terminal_every_long_file_has_a_bar() {
        let shared = Shared::new(ON_A_TERMINAL, None);
        let now = Instant::now();
        shared.begin("a.pdf", now);
        shared.begin("b.pdf", now + ON_A_TERMINAL);
        shared.page("a.pdf", 3, 4);
        shared.look(now + ON_A_TERMINAL);
        let shown = |shared: &Shared| -> Vec<Option<(u64, Option<u64>)>> {
            let place = |bar: &ProgressBar| (bar.position(), bar.length());
            shared
                .open()
                .iter()
                .map(|file| file.bar.as_ref().map(place))
                .collect()
        };
        assert_eq!(shown(&shared), [Some((3, Some(4))), None]);
        shared.look(now + ON_A_TERMINAL * 2);
        assert_eq!(shown(&shared), [Some((3, Some(4))), Some((0, None))]);
        let bar = shared.open()[0].bar.clone();
        shared.end("a.pdf");
        assert!(bar.is_some_and(|bar| bar.is_finished()));
    }
}
