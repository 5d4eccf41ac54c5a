//! From tokens back to a line as people write it.

use super::characters::{is_currency, is_east_asian, is_letter};
use std::collections::HashMap;

/// An English line, from tokens without escapes, as Moses' detokeniser writes it: punctuation goes to where
/// it belongs, quotation marks open and close in turn.
pub(crate) fn detokenize<'a>(tokens: impl IntoIterator<Item = &'a str>) -> String {
    let mut line = String::new();
    let mut space = "";
    let mut quotes: HashMap<&str, bool> = HashMap::new();
    let mut last: Option<&str> = None;
    let joined = join_hyphens(tokens);
    for token in joined.iter().map(String::as_str) {
        let (before, after) = place(token, last, &mut quotes);
        if before {
            line.push_str(space);
        }
        line.push_str(token);
        space = if after { " " } else { "" };
        last = Some(token);
    }
    line
}

/// Undoes `a @-@ b`, which Moses makes of `a-b` on request.
fn join_hyphens<'a>(tokens: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let mut joined: Vec<String> = Vec::new();
    let mut glue = false;
    for token in tokens {
        match joined.last_mut() {
            Some(last) if token == "@-@" && !glue => last.push('-'),
            Some(last) if glue => last.push_str(token),
            None if token == "@-@" => joined.push("-".to_owned()),
            _ => joined.push(token.to_owned()),
        }
        glue = token == "@-@" && !glue;
    }
    joined
}

/// Whether there may be a space before and after a token.
fn place<'a>(token: &'a str, last: Option<&str>, quotes: &mut HashMap<&'a str, bool>) -> (bool, bool) {
    let all = |is: fn(char) -> bool| token.chars().all(is);
    if token.starts_with(is_east_asian) {
        (!last.is_some_and(|last| last.ends_with(is_east_asian)), true)
    } else if all(|c| is_currency(c) || matches!(c, '(' | '[' | '{' | '¿' | '¡')) {
        (true, false)
    } else if all(|c| matches!(c, ',' | '.' | '?' | '!' | ':' | ';' | '\\' | '%' | '}' | ']' | ')'))
        || last.is_some() && token.strip_prefix('\'').is_some_and(|rest| rest.starts_with(is_letter))
    {
        (false, true)
    } else if all(|c| matches!(c, '\'' | '"' | '„' | '“' | '`')) {
        let kind = if all(|c| matches!(c, '„' | '“')) { "\"" } else { token };
        let open = quotes.entry(kind).or_default();
        // The possessive of a plural: `the Jones' house`.
        if !*open && token == "'" && last.is_some_and(|last| last.ends_with('s')) {
            return (false, true);
        }
        *open = !*open;
        (*open, !*open)
    } else {
        (true, true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // Expected: sacremoses 0.2.0, MosesDetokenizer("en").detokenize(TOKENS.split(), unescape=False).
    #[test]
    fn lines_that_sacremoses_gives() {
        for (tokens, expected) in LINES {
            assert_eq!(detokenize(tokens.split(' ')), *expected);
        }
    }

    const LINES: &[(&str, &str)] = &[
        ("He said : \" I don 't know , \" and left .", "He said: \"I don't know,\" and left."),
        ("The Jones ' house ( big ) costs $ 5 , not 6 % !", "The Jones' house (big) costs $5, not 6%!"),
        ("' yes ' or \" no \" ?", "'yes' or \"no\"?"),
        ("a @-@ b @-@ c is x @-@", "a-b-c is x-"),
        ("„ Ja “ , he ' said ' .", "„Ja“, he 'said'."),
        ("'s start", "'s start"),
        ("日 本 is Japan 語", "日本 is Japan 語"),
        ("[ x ] { y } ; z :", "[x] {y}; z:"),
        (".. ... & < '", "..... & < '"),
    ];
}
