//! The terminal: taken over at the start, given back on every way out, drawn to one whole frame at a time.

use std::cell::RefCell;
use std::io::{self, Write};
use std::rc::Rc;
use std::sync::Once;

use crossterm::{cursor, event, queue, terminal};
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use ratatui::layout::Size;

use super::gate::Gate;
use super::state::App;
use super::view;

/// Presses, releases and drags, with coordinates beyond 223; not every movement, as crossterm's own switch would.
const MOUSE_ON: &str = "\x1b[?1000h\x1b[?1002h\x1b[?1006h";
const MOUSE_OFF: &str = "\x1b[?1006l\x1b[?1002l\x1b[?1000l";
/// Terminals that know synchronized updates show a frame at once; the others ignore this.
const FRAME_BEGIN: &[u8] = b"\x1b[?2026h";
const FRAME_END: &[u8] = b"\x1b[?2026l";

/// The longest text put on the clipboard.
const MAX_COPY: usize = 64 * 1024;

/// Collects a frame; what the backend calls flushing waits for the end of it.
#[derive(Debug, Clone, Default)]
struct Frame(Rc<RefCell<Vec<u8>>>);

impl Write for Frame {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The terminal while the workstation has it; dropping gives it back.
pub struct Screen {
    terminal: Terminal<Gate<CrosstermBackend<Frame>>>,
    frame: Frame,
    mouse: bool,
}

impl Screen {
    /// Takes the terminal over.
    ///
    /// # Errors
    /// There is no terminal, or it refuses.
    pub fn enter(mouse: bool) -> io::Result<Self> {
        restore_on_panic();
        take(mouse)?;
        let frame = Frame::default();
        let backend = Gate::new(CrosstermBackend::new(frame.clone()));
        Ok(Self {
            terminal: Terminal::new(backend)?,
            frame,
            mouse,
        })
    }

    /// The terminal's size.
    ///
    /// # Errors
    /// The terminal is gone.
    pub fn size(&self) -> io::Result<Size> {
        self.terminal.size()
    }

    /// Draws the state; one write a frame.
    ///
    /// # Errors
    /// The terminal is gone.
    pub fn draw(&mut self, app: &App) -> io::Result<()> {
        self.terminal.draw(|frame| {
            let cursor = view::render(app, frame.buffer_mut());
            cursor.into_iter().for_each(|at| frame.set_cursor_position(at));
        })?;
        let drawn = self.frame.0.take();
        let mut out = io::stdout().lock();
        out.write_all(FRAME_BEGIN)?;
        out.write_all(&drawn)?;
        out.write_all(FRAME_END)?;
        out.flush()
    }

    /// Forgets what the terminal shows, so that the next frame draws everything.
    ///
    /// # Errors
    /// The terminal is gone.
    pub fn forget(&mut self) -> io::Result<()> {
        self.terminal.clear()
    }

    /// Turns the mouse on or off.
    ///
    /// # Errors
    /// The terminal is gone.
    pub fn set_mouse(&mut self, on: bool) -> io::Result<()> {
        self.mouse = on;
        say(if on { MOUSE_ON } else { MOUSE_OFF })
    }

    /// Puts text on the clipboard of the person's own terminal, also through ssh (OSC 52).
    ///
    /// # Errors
    /// The terminal is gone.
    pub fn copy(&mut self, text: &str) -> io::Result<()> {
        let end = text.floor_char_boundary(MAX_COPY.min(text.len()));
        say(&format!("\x1b]52;c;{}\x07", base64(&text.as_bytes()[..end])))
    }

    /// Gives the terminal to the shell until the person brings the program back.
    ///
    /// # Errors
    /// The terminal is gone.
    pub fn suspend(&mut self) -> io::Result<()> {
        give_back();
        rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::TSTP)?;
        take(self.mouse)?;
        self.forget()
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        give_back();
    }
}

fn take(mouse: bool) -> io::Result<()> {
    terminal::enable_raw_mode()?;
    let mut out = io::stdout().lock();
    queue!(
        out,
        terminal::EnterAlternateScreen,
        event::EnableBracketedPaste,
        cursor::Hide
    )?;
    if mouse {
        out.write_all(MOUSE_ON.as_bytes())?;
    }
    out.flush()
}

/// Every step is tried whatever became of the others: half a terminal is worse than an error nobody sees.
fn give_back() {
    let mut out = io::stdout().lock();
    let _ = out.write_all(MOUSE_OFF.as_bytes());
    let _ = out.write_all(FRAME_END);
    let _ = queue!(
        out,
        event::DisableBracketedPaste,
        terminal::LeaveAlternateScreen,
        cursor::Show
    );
    let _ = out.flush();
    let _ = terminal::disable_raw_mode();
}

/// A panic of the screen's own thread gives the terminal back before it is reported. Panics of workers are reported by
/// whoever waits for them: text on the screen would only tear it.
fn restore_on_panic() {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let report = std::panic::take_hook();
        let screen = std::thread::current().id();
        std::panic::set_hook(Box::new(move |panic| {
            if std::thread::current().id() == screen {
                give_back();
                report(panic);
            }
        }));
    });
}

fn say(bytes: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(bytes.as_bytes())?;
    out.flush()
}

/// RFC 4648, with padding.
fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let byte = |i: usize| u32::from(chunk.get(i).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for (i, shift) in [18, 12, 6, 0].into_iter().enumerate() {
            let sextet = (bits >> shift & 63) as usize;
            text.push(if i <= chunk.len() {
                char::from(ALPHABET[sextet])
            } else {
                '='
            });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The test vectors of RFC 4648, section 10.
    #[test]
    fn base64_is_the_standard_one() {
        let table = [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ];
        for (text, encoded) in table {
            assert_eq!(base64(text.as_bytes()), encoded);
        }
        assert_eq!(base64("牵头".as_bytes()), "54m15aS0");
    }
}
