//! The escapes of files that Moses wrote: characters that mean something to its decoder.

use std::borrow::Cow;

const ESCAPES: [(&str, char); 8] = [
    ("&amp;", '&'),
    ("&#124;", '|'),
    ("&lt;", '<'),
    ("&gt;", '>'),
    ("&apos;", '\''),
    ("&quot;", '"'),
    ("&#91;", '['),
    ("&#93;", ']'),
];

/// Of versions before 2012; read, never written.
const OLD_ESCAPES: [(&str, char); 3] = [("&bar;", '|'), ("&bra;", '['), ("&ket;", ']')];

/// Text as Moses writes it; `examples/moses.rs` does.
#[allow(dead_code)]
pub(crate) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match ESCAPES.iter().find(|(_, plain)| *plain == c) {
            Some((escape, _)) => out.push_str(escape),
            None => out.push(c),
        }
    }
    out
}

/// Text without Moses' escapes. What an escape stands for is not read again: `&amp;lt;` is `&lt;`.
pub(crate) fn unescape(text: &str) -> Cow<'_, str> {
    if !text.contains('&') {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let known = ESCAPES.iter().chain(&OLD_ESCAPES).find(|(escape, _)| rest.starts_with(escape));
        let (plain, length) = known.map_or(('&', 1), |(escape, plain)| (*plain, escape.len()));
        out.push(plain);
        rest = &rest[length..];
    }
    out.push_str(rest);
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_come_back() {
        let text = "a & b | <c> 'd' \"e\" [f] &lt;";
        assert_eq!(
            escape(text),
            "a &amp; b &#124; &lt;c&gt; &apos;d&apos; &quot;e&quot; &#91;f&#93; &amp;lt;"
        );
        assert_eq!(unescape(&escape(text)), text);
        assert_eq!(unescape("x &bar; &bra; & &nbsp; &"), "x | [ & &nbsp; &");
    }
}
