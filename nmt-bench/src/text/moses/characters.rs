//! The classes of characters that the rules speak of, as Perl's Unicode properties define them.

/// `\p{IsAlpha}`.
pub(super) fn is_letter(c: char) -> bool {
    c.is_alphabetic()
}

/// `\p{IsN}`: digits, fractions, superscripts, Roman numerals of a character of their own.
pub(super) fn is_number(c: char) -> bool {
    c.is_numeric()
}

/// `\p{IsAlnum}`: letters and decimal digits, but no `²` or `½`.
pub(super) fn is_letter_or_digit(c: char) -> bool {
    if c.is_ascii() {
        return c.is_ascii_alphanumeric();
    }
    let other_number = matches!(c,
        '\u{80}'..='\u{ff}'          // superscripts and fractions of Latin-1
        | '\u{2070}'..='\u{218b}'    // superscripts, subscripts, fractions
        | '\u{2460}'..='\u{2793}'    // enclosed and dingbat numbers
        | '\u{3192}'..='\u{32bf}'    // numbers of East Asian texts
    );
    c.is_alphabetic() || c.is_numeric() && !other_number
}

/// `\p{IsLower}`.
pub(super) fn is_small(c: char) -> bool {
    c.is_lowercase()
}

/// `\s`; the separators of ASCII count.
pub(super) fn is_space(c: char) -> bool {
    c.is_whitespace() || matches!(c, '\u{1c}'..='\u{1f}')
}

/// `\p{IsSc}`: signs of currencies.
pub(super) fn is_currency(c: char) -> bool {
    matches!(
        c,
        '$' | '\u{a2}'..='\u{a5}'
            | '\u{58f}'
            | '\u{60b}'
            | '\u{9f2}'
            | '\u{9f3}'
            | '\u{9fb}'
            | '\u{af1}'
            | '\u{bf9}'
            | '\u{e3f}'
            | '\u{17db}'
            | '\u{20a0}'..='\u{20c0}'
            | '\u{a838}'
            | '\u{fdfc}'
            | '\u{fe69}'
            | '\u{ff04}'
            | '\u{ffe0}'
            | '\u{ffe1}'
            | '\u{ffe5}'
            | '\u{ffe6}'
    )
}

/// Scripts of East Asia that are written without spaces.
pub(super) fn is_east_asian(c: char) -> bool {
    matches!(
        c,
        '\u{1100}'..='\u{11ff}'
            | '\u{2e80}'..='\u{a4cf}'
            | '\u{a840}'..='\u{a87f}'
            | '\u{ac00}'..='\u{d7af}'
            | '\u{f900}'..='\u{faff}'
            | '\u{fe30}'..='\u{fe4f}'
            | '\u{ff65}'..='\u{ffdc}'
            | '\u{16fe0}'..='\u{18aff}'
            | '\u{1b000}'..='\u{1b12f}'
            | '\u{1b170}'..='\u{1b2ff}'
            | '\u{20000}'..='\u{2ffff}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn superscripts_are_numbers_but_no_digits() {
        for c in ['²', '½', '⅓', '①'] {
            assert!(is_number(c) && !is_letter_or_digit(c), "{c}");
        }
        for c in ['7', 'ß', 'É', 'Ⅷ', '٣', 'ª'] {
            assert!(is_letter_or_digit(c), "{c}");
        }
        assert!(!is_letter_or_digit('_') && !is_letter_or_digit('\u{301}'));
    }
}
