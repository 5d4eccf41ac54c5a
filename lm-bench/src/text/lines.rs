//! The sentences and tokens of a text.

use super::Unit;

/// The sentences of a text, one a line, and the number of blank lines between them.
pub(super) fn sentences(text: &str) -> (Vec<&str>, u64) {
    let mut blank = 0;
    let mut sentences = Vec::with_capacity(text.len() / 64);
    for line in text.lines() {
        if line.bytes().all(|byte| byte.is_ascii_whitespace()) {
            blank += 1;
        } else {
            sentences.push(line.strip_suffix('\r').unwrap_or(line));
        }
    }
    (sentences, blank)
}

/// Calls `take` with every token of a sentence.
pub(super) fn for_each_token<'a>(unit: Unit, sentence: &'a str, take: impl FnMut(&'a str)) {
    match unit {
        Unit::Words => sentence.split_ascii_whitespace().for_each(take),
        Unit::Characters => sentence.split_inclusive(|_: char| true).for_each(take),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_ends_and_blank_lines() {
        let text = "a b\r\n\n \t\r\n c  d\r\ne";
        assert_eq!(sentences(text), (vec!["a b", " c  d", "e"], 2));
    }

    #[test]
    fn tokens_of_both_units() {
        let tokens = |unit, text| {
            let mut tokens = Vec::new();
            for_each_token(unit, text, |token| tokens.push(token));
            tokens
        };
        assert_eq!(tokens(Unit::Words, " a  bé\tc "), ["a", "bé", "c"]);
        assert_eq!(tokens(Unit::Characters, "a é"), ["a", " ", "é"]);
    }
}
