//! Numbers as people read them.

/// A count with its thousands set apart: `6,250`.
pub fn thousands(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A number above 0 with its thousands set apart: from 100 on the nearest whole one, as far as numbers
/// hold every digit of it.
pub(crate) fn grouped(number: f64) -> String {
    let whole = number.fract() == 0.0 || number >= 100.0;
    if whole && number < 1e15 { thousands(number.round() as u64) } else { significant(number, 4) }
}

/// `digits` significant digits, without an exponent between 1e-4 and 1e6.
pub(crate) fn significant(number: f64, digits: i32) -> String {
    if number == 0.0 || !number.is_finite() {
        return format!("{number}");
    }
    let magnitude = number.abs().log10().floor() as i32;
    if (-4..6).contains(&magnitude) {
        format!("{number:.*}", (digits - 1 - magnitude).max(0) as usize)
    } else {
        format!("{number:.*e}", (digits - 1) as usize)
    }
}

/// For the ticks of an axis: `250`, `10k`, `2.5M`, `0.05`.
pub(crate) fn short(number: f64) -> String {
    let (scaled, suffix) = match number.abs() {
        size if size >= 1e15 || (size > 0.0 && size < 1e-3) => return format!("{number:e}"),
        size if size >= 1e12 => (number / 1e12, "T"),
        size if size >= 1e9 => (number / 1e9, "G"),
        size if size >= 1e6 => (number / 1e6, "M"),
        size if size >= 1e3 => (number / 1e3, "k"),
        _ => (number, ""),
    };
    let digits = format!("{scaled:.4}");
    format!("{}{suffix}", digits.trim_end_matches('0').trim_end_matches('.'))
}

/// To six significant digits, without zeros at the end: `8192`, `13.4673`.
pub(crate) fn plain(number: f64) -> String {
    if number.fract() == 0.0 && number.abs() < 1e15 {
        return format!("{number}");
    }
    let text = significant(number, 6);
    if text.contains('.') && !text.contains('e') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    }
}

/// A count to three digits with its suffix: `88.1k`.
pub(crate) fn short_count(number: f64) -> String {
    let digits = 10f64.powi(number.abs().max(1.0).log10().floor() as i32 - 2);
    short((number / digits).round() * digits)
}

/// Seconds as a duration: `40 s`, `12 min`, `3.5 h`.
pub(crate) fn span(seconds: f64) -> String {
    match seconds {
        s if s < 90.0 => format!("{s:.0} s"),
        s if s < 5400.0 => format!("{:.0} min", s / 60.0),
        s => format!("{:.1} h", s / 3600.0),
    }
}

/// The level of an interval as a percentage, `95 %` or `97.5 %`, with as many digits as tell it from
/// certainty.
pub(crate) fn level(level: f64) -> String {
    let digits = (-(1.0 - level).log10()).ceil().clamp(3.0, 15.0);
    let parts = 10f64.powf(digits - 2.0);
    format!("{} %", (100.0 * parts * level).round() / parts)
}

/// A share as a percentage with two significant digits.
pub(crate) fn percent(share: f64) -> String {
    format!("{} %", significant(100.0 * share, 2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_not_rounded_to_certainty() {
        let shown = [0.5, 0.95, 0.975, 0.999, 0.9996].map(level);
        assert_eq!(shown, ["50 %", "95 %", "97.5 %", "99.9 %", "99.96 %"]);
    }

    #[test]
    fn numbers_read_well() {
        assert_eq!(["6,250", "100", "1,234,568"], [6250.0, 100.0, 1_234_567.6].map(grouped));
        assert_eq!(["10k", "2.5M", "0.05", "250"], [1e4, 2.5e6, 0.05, 250.0].map(short));
        assert_eq!(["1e-4", "1G"], [1e-4, 1e9].map(short));
        assert_eq!(["88.1k", "12"], [88_114.0, 12.0].map(short_count));
        let three = [7.9123, 0.070_56, 12345.0, 0.0].map(|x| significant(x, 3));
        assert_eq!(three, ["7.91", "0.0706", "12345", "0"]);
        assert_eq!(significant(3.2e-9, 2), "3.2e-9");
        assert_eq!([8192.0, 13.467_332_94, 0.5, 1e9].map(plain), ["8192", "13.4673", "0.5", "1000000000"]);
        assert_eq!(percent(0.0083), "0.83 %");
        assert_eq!(["40 s", "12 min", "3.5 h"], [40.0, 720.0, 12600.0].map(span));
    }
}
