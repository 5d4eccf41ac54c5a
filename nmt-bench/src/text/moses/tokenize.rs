//! From a line as people write it to its tokens.
//!
//! The rules apply one after the other to the whole line, each from left to right without looking again at
//! what it has rewritten; the results depend on that order, so it is Moses' own.

use super::Language;
use super::characters::{is_letter, is_letter_or_digit, is_number, is_small, is_space};
use super::prefixes::{Prefix, prefix};

/// Writes the tokens of a line to `out`, which is cleared first, with a space between two of them.
pub(crate) fn tokenize(language: Language, line: &str, out: &mut String) {
    let mut text = separate(line);
    let mut next = Vec::with_capacity(text.len() + 16);
    if text.contains(&',') {
        commas(&mut text, &mut next);
    }
    if text.contains(&'\'') {
        match language {
            Language::English => english_apostrophes(&mut text, &mut next),
            Language::German => replace(&mut text, &mut next, |rest, out| {
                if rest[0] != '\'' {
                    return 0;
                }
                out.extend([' ', '\'', ' ']);
                1
            }),
        }
    }
    out.clear();
    full_stops(language, &text.into_iter().collect::<String>(), out);
    // An apostrophe that closes a quotation after its full stop.
    if out.ends_with(".'") && !out.ends_with("..'") {
        out.truncate(out.len() - 2);
        out.push_str(if out.is_empty() || out.ends_with(' ') { ". '" } else { " . '" });
    }
}

/// One rule: `rewrite` sees the rest of the text, writes what replaces its beginning and returns how many
/// characters that was, or 0 where the rule does not apply.
fn replace(text: &mut Vec<char>, next: &mut Vec<char>, rewrite: impl Fn(&[char], &mut Vec<char>) -> usize) {
    next.clear();
    let mut at = 0;
    while at < text.len() {
        match rewrite(&text[at..], next) {
            0 => {
                next.push(text[at]);
                at += 1;
            }
            count => at += count,
        }
    }
    std::mem::swap(text, next);
}

/// The characters of a line, spaces around all that is no letter, no digit, no white space and none of five
/// marks with rules of their own (full stop, comma, hyphen, apostrophe, accent), and around runs of full
/// stops; control characters are dropped.
fn separate(line: &str) -> Vec<char> {
    let mut text: Vec<char> = Vec::with_capacity(line.len() + 32);
    let mut stops = 0;
    let end_stops = |text: &mut Vec<char>, stops: &mut usize, last: bool| {
        if *stops > 1 {
            text.push(' ');
        }
        text.extend(std::iter::repeat_n('.', *stops));
        if *stops > 1 && !last {
            text.push(' ');
        }
        *stops = 0;
    };
    for c in line.trim_matches(is_space).chars() {
        if c == '.' {
            stops += 1;
            continue;
        }
        if is_space(c) {
            end_stops(&mut text, &mut stops, false);
            text.push(' ');
        } else if c < ' ' {
            // Gone before any rule applies.
        } else if is_letter_or_digit(c) || matches!(c, '\'' | '`' | ',' | '-') {
            end_stops(&mut text, &mut stops, false);
            text.push(c);
        } else {
            end_stops(&mut text, &mut stops, false);
            text.extend([' ', c, ' ']);
        }
    }
    end_stops(&mut text, &mut stops, true);
    text
}

/// Commas stand alone, except within numbers such as `5,300`.
fn commas(text: &mut Vec<char>, next: &mut Vec<char>) {
    replace(text, next, |rest, out| match rest {
        [before, ',', ..] if !is_number(*before) => {
            out.extend([*before, ' ', ',', ' ']);
            2
        }
        _ => 0,
    });
    replace(text, next, |rest, out| match rest {
        [',', after, ..] if !is_number(*after) => {
            out.extend([' ', ',', ' ', *after]);
            2
        }
        _ => 0,
    });
    if let [.., before, ','] = text[..]
        && is_number(before)
    {
        text.truncate(text.len() - 1);
        text.extend([' ', ',', ' ']);
    }
}

/// Apostrophes stand alone, except that they begin what they contract (`don 't`).
fn english_apostrophes(text: &mut Vec<char>, next: &mut Vec<char>) {
    const ALONE: &[char] = &[' ', '\'', ' '];
    const BEGINS: &[char] = &[' ', '\''];
    let mut rule = |before: fn(char) -> bool, after: fn(char) -> bool, between: &[char]| {
        replace(text, next, |rest, out| match rest {
            [left, '\'', right, ..] if before(*left) && after(*right) => {
                out.push(*left);
                out.extend_from_slice(between);
                out.push(*right);
                3
            }
            _ => 0,
        });
    };
    rule(|c| !is_letter(c), |c| !is_letter(c), ALONE);
    rule(|c| !is_letter(c) && !is_number(c), is_letter, ALONE);
    rule(is_letter, |c| !is_letter(c), ALONE);
    rule(is_letter, is_letter, BEGINS);
    rule(is_number, |c| c == 's', BEGINS);
}

/// Copies the tokens of `text`; a full stop at the end of one becomes a token unless it belongs to it.
fn full_stops(language: Language, text: &str, out: &mut String) {
    let mut tokens = text.split(' ').filter(|token| !token.is_empty()).peekable();
    while let Some(token) = tokens.next() {
        if !out.is_empty() {
            out.push(' ');
        }
        match token.strip_suffix('.') {
            // A run of full stops has none of its own.
            Some(word) if !word.is_empty() && !word.bytes().all(|b| b == b'.') => {
                out.push_str(word);
                out.push_str(if belongs(language, word, tokens.peek().copied()) { "." } else { " ." });
            }
            _ => out.push_str(token),
        }
    }
}

/// Whether the full stop between `word` and the token `next` belongs to the word.
fn belongs(language: Language, word: &str, next: Option<&str>) -> bool {
    if word.contains('.') && word.contains(is_letter) || next.is_some_and(|next| next.starts_with(is_small)) {
        return true;
    }
    match prefix(language, word) {
        Some(Prefix::Always) => true,
        Some(Prefix::BeforeNumbers) => {
            next.is_some_and(|next| next.starts_with(|c: char| c.is_ascii_digit()))
        }
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::super::entities::escape;
    use super::*;

    fn tokens(language: Language, line: &str) -> String {
        let mut out = String::new();
        tokenize(language, line, &mut out);
        escape(&out)
    }

    #[test]
    fn lines_whose_tokens_sacremoses_gives() {
        for (line, expected) in ENGLISH {
            assert_eq!(tokens(Language::English, line), *expected);
        }
        for (line, expected) in GERMAN {
            assert_eq!(tokens(Language::German, line), *expected);
        }
    }

    // Expected: sacremoses 0.2.0, MosesTokenizer(LANGUAGE).tokenize(LINE, return_str=True), without the
    // space at the end.
    const ENGLISH: &[(&str, &str)] = &[
        (
            "Don't say \"It's 5,300 of 'em\", Mr. Smith!",
            "Don &apos;t say &quot; It &apos;s 5,300 of &apos; em &quot; , Mr. Smith !",
        ),
        (
            "The boys' dogs (3) weren't [there]...",
            "The boys &apos; dogs ( 3 ) weren &apos;t &#91; there &#93; ...",
        ),
        ("He's No. 5, she said no.", "He &apos;s No. 5 , she said no ."),
        (
            "The U.S. won't pay $1,000.50; see e.g. p. 7.",
            "The U.S. won &apos;t pay $ 1,000.50 ; see e.g. p . 7 .",
        ),
        (
            "Tom's 1990's car, 24. July, costs 5,5 & more|less <b>.",
            "Tom &apos;s 1990 &apos;s car , 24 . July , costs 5,5 &amp; more &#124; less &lt; b &gt; .",
        ),
        ("x, y,z,5, and ... so on.. end.", "x , y , z , 5 , and ... so on .. end ."),
        ("'Twas well-known, \"I said 'yes.'", "&apos;Twas well-known , &quot; I said &apos; yes . &apos;"),
        ("2² is ½ of 8,", "2 ² is ½ of 8 ,"),
        ("a_b@c.com http://x.org/y?z=1", "a _ b @ c.com http : / / x.org / y ? z = 1"),
        ("Was it 'yes' or 'no'?", "Was it &apos; yes &apos; or &apos; no &apos; ?"),
    ];
    const GERMAN: &[(&str, &str)] = &[
        ("Herr Dr. Müller kam am 3. Mai, ca. 5 Uhr.", "Herr Dr. Müller kam am 3. Mai , ca. 5 Uhr ."),
        ("Das ist's: „Ja“, sagte er, 'nein'.", "Das ist &apos; s : „ Ja “ , sagte er , &apos; nein &apos; ."),
        ("Ludwig XIV. Haus ist z.B. 1,5 km lang.", "Ludwig XIV. Haus ist z.B. 1,5 km lang ."),
        ("Nr. 5 kostet 3,50 €, d.h. viel.", "Nr. 5 kostet 3,50 € , d.h. viel ."),
        ("Am 24. Haus... ist's so", "Am 24. Haus ... ist &apos; s so"),
        ("Er kam 124. Dann ging er usw. weiter.", "Er kam 124 . Dann ging er usw. weiter ."),
        ("Tom sagte: \"Das war 1990.\"", "Tom sagte : &quot; Das war 1990 . &quot;"),
        ("A & B [x] <y>", "A &amp; B &#91; x &#93; &lt; y &gt;"),
    ];
}
