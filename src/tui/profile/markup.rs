//! Text made safe inside SVG and HTML, in elements and in attributes.

use std::fmt::{self, Display, Write};

use crate::sanitize;

/// Shows as the text it holds: characters with a meaning in markup are escaped, hidden ones made visible.
pub(super) struct Esc<'a>(pub(super) &'a str);

impl Display for Esc<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in sanitize::line(self.0).chars() {
            match c {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                c => f.write_char(c)?,
            }
        }
        Ok(())
    }
}

/// Writing to a string cannot fail; this keeps `write!` calls short.
macro_rules! put {
    ($out:expr, $($arg:tt)*) => {{
        use std::fmt::Write as _;
        let _infallible = write!($out, $($arg)*);
    }};
}
pub(super) use put;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_text_is_markup() {
        assert_eq!(
            Esc("<script>\"]]>' & \u{202e}").to_string(),
            "&lt;script&gt;&quot;]]&gt;&#39; &amp; ⟦U+202E⟧"
        );
    }
}
