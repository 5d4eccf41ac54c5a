//! Corpus BLEU exactly as sacreBLEU computes it by default (Papineni et al. 2002, Post 2018): 13a
//! tokenisation, up to 4-grams, exponential smoothing, case-sensitive, a single reference.

use std::collections::HashMap;
use std::fmt;

/// Longest n-grams that count.
const ORDER: usize = 4;

/// The score of a corpus and what it is made of.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Bleu {
    /// 0 to 100.
    pub(crate) score: f64,
    /// Of n-grams of 1 to 4 words: the share, in percent, that the references have too; smoothed.
    pub(crate) precisions: [f64; ORDER],
    /// Makes up for hypotheses that are shorter than their references.
    pub(crate) brevity_penalty: f64,
    /// Tokens of all hypotheses.
    pub(crate) hypothesis_length: u64,
    /// Tokens of all references.
    pub(crate) reference_length: u64,
}

/// The score of hypotheses, each against the reference in the same place.
pub(crate) fn corpus_bleu(hypotheses: &[String], references: &[String]) -> Bleu {
    debug_assert_eq!(hypotheses.len(), references.len());
    let mut counts = Counts::default();
    for (hypothesis, reference) in hypotheses.iter().zip(references) {
        counts.add(&tokenized(hypothesis), &tokenized(reference));
    }
    counts.bleu()
}

/// What is summed over a corpus.
#[derive(Debug, Default)]
struct Counts {
    /// N-grams of the hypotheses, and those of them that the references have.
    total: [u64; ORDER],
    correct: [u64; ORDER],
    hypothesis_length: u64,
    reference_length: u64,
}

impl Counts {
    fn add(&mut self, hypothesis: &str, reference: &str) {
        let (hypothesis, reference) = (words(hypothesis), words(reference));
        self.hypothesis_length += hypothesis.len() as u64;
        self.reference_length += reference.len() as u64;
        for n in 1..=ORDER {
            let mut left: HashMap<&[&str], u64> = HashMap::new();
            for gram in reference.windows(n) {
                *left.entry(gram).or_default() += 1;
            }
            for gram in hypothesis.windows(n) {
                self.total[n - 1] += 1;
                if let Some(count) = left.get_mut(gram).filter(|count| **count > 0) {
                    *count -= 1;
                    self.correct[n - 1] += 1;
                }
            }
        }
    }

    fn bleu(&self) -> Bleu {
        let (ours, theirs) = (self.hypothesis_length as f64, self.reference_length as f64);
        let brevity_penalty = match self.hypothesis_length {
            0 if self.reference_length > 0 => 0.0,
            length if length < self.reference_length => (1.0 - theirs / ours).exp(),
            _ => 1.0,
        };
        let mut precisions = [0.0; ORDER];
        // Without a single common word nothing is smoothed.
        let common = self.correct[0] > 0;
        let mut halved = 1.0;
        for ((precision, &correct), &total) in precisions.iter_mut().zip(&self.correct).zip(&self.total) {
            if total > 0 && common {
                *precision = if correct > 0 {
                    100.0 * correct as f64 / total as f64
                } else {
                    halved *= 2.0;
                    100.0 / (halved * total as f64)
                };
            }
        }
        let score = if common && precisions.iter().all(|precision| *precision > 0.0) {
            brevity_penalty * (precisions.iter().map(|p| p.ln()).sum::<f64>() / ORDER as f64).exp()
        } else {
            0.0
        };
        let (hypothesis_length, reference_length) = (self.hypothesis_length, self.reference_length);
        Bleu { score, precisions, brevity_penalty, hypothesis_length, reference_length }
    }
}

/// As sacreBLEU prints it.
impl fmt::Display for Bleu {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [one, two, three, four] = self.precisions;
        let (ours, theirs) = (self.hypothesis_length, self.reference_length);
        let ratio = if theirs > 0 { ours as f64 / theirs as f64 } else { 0.0 };
        write!(
            f,
            "BLEU = {:.2} {one:.1}/{two:.1}/{three:.1}/{four:.1} (BP = {:.3} ratio = {ratio:.3} hyp_len = {ours} \
             ref_len = {theirs})",
            self.score, self.brevity_penalty
        )
    }
}

/// The tokens of a tokenised sentence.
fn words(tokenized: &str) -> Vec<&str> {
    tokenized.split(is_space).filter(|word| !word.is_empty()).collect()
}

/// A sentence with a space between any two tokens, as by NIST's mteval-v13a: its steps one by one, since
/// each sees the spaces that the one before inserted.
fn tokenized(sentence: &str) -> String {
    let mut text =
        sentence.trim_end_matches(is_space).replace("<skipped>", "").replace("-\n", "").replace('\n', " ");
    for (entity, character) in [("&quot;", "\""), ("&amp;", "&"), ("&lt;", "<"), ("&gt;", ">")] {
        text = text.replace(entity, character);
    }
    let text: Vec<char> = format!(" {text} ").chars().collect();
    let text = punctuation_apart(&text);
    // A full stop or comma apart, unless it is preceded, and unless it is followed, by a digit.
    let stop = |c: char| matches!(c, '.' | ',');
    let digit = |c: char| c.is_ascii_digit();
    let text = pairs(&text, |a, b| !digit(a) && stop(b), |a, b| [a, ' ', b, ' ']);
    let text = pairs(&text, |a, b| stop(a) && !digit(b), |a, b| [' ', a, ' ', b]);
    // A hyphen apart after a digit.
    let text = pairs(&text, |a, b| digit(a) && b == '-', |a, b| [a, ' ', b, ' ']);
    text.into_iter().collect()
}

/// Spaces around every ASCII punctuation mark but `'`, `,`, `-` and `.`.
fn punctuation_apart(text: &[char]) -> Vec<char> {
    let mut out = Vec::with_capacity(2 * text.len());
    for &c in text {
        match c {
            ' '..='&' | '('..='+' | '/' | ':'..='@' | '['..='`' | '{'..='~' => out.extend([' ', c, ' ']),
            _ => out.push(c),
        }
    }
    out
}

/// Replaces pairs of neighbours from left to right; a replaced one is in no other pair.
fn pairs(
    text: &[char],
    found: impl Fn(char, char) -> bool,
    new: impl Fn(char, char) -> [char; 4],
) -> Vec<char> {
    let mut out = Vec::with_capacity(2 * text.len());
    let mut rest = text;
    loop {
        match *rest {
            [a, b, ref after @ ..] if found(a, b) => {
                out.extend(new(a, b));
                rest = after;
            }
            [a, ref after @ ..] => {
                out.push(a);
                rest = after;
            }
            [] => return out,
        }
    }
}

/// What Python's `split` takes for a space: Unicode's white space and the four ASCII separators.
fn is_space(c: char) -> bool {
    c.is_whitespace() || matches!(c, '\x1c'..='\x1f')
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A hypothesis and its reference.
    type Pair = (&'static str, &'static str);

    fn bleu(pairs: &[Pair]) -> Bleu {
        let side = |which: fn(&Pair) -> String| pairs.iter().map(which).collect::<Vec<_>>();
        corpus_bleu(&side(|pair| pair.0.to_owned()), &side(|pair| pair.1.to_owned()))
    }

    #[test]
    fn scores_are_those_of_sacrebleu() {
        // From sacreBLEU 2.6.0.
        let cases: [(&[Pair], f64, &str); 9] = [
            (
                &[
                    ("The cat sat on the mat .", "The cat is on the mat."),
                    ("It rains cats and dogs today .", "It is raining cats and dogs today."),
                ],
                53.268_414_615_374_03,
                "53.27 85.7/66.7/50.0/37.5 (BP = 0.931 ratio = 0.933 hyp_len = 14 ref_len = 15)",
            ),
            (
                &[("the cat sat on", "the cat sat on the mat with its hat")],
                28.650_479_686_019_022,
                "28.65 100.0/100.0/100.0/100.0 (BP = 0.287 ratio = 0.444 hyp_len = 4 ref_len = 9)",
            ),
            (
                &[("a b c x d e", "a b c y d e")],
                37.991_784_282_579_63,
                "37.99 83.3/60.0/25.0/16.7 (BP = 1.000 ratio = 1.000 hyp_len = 6 ref_len = 6)",
            ),
            (
                &[("a x b y c", "a b c d e")],
                14.058_533_129_758_727,
                "14.06 60.0/12.5/8.3/6.2 (BP = 1.000 ratio = 1.000 hyp_len = 5 ref_len = 5)",
            ),
            (
                &[("x y z v w", "a b c d e")],
                0.0,
                "0.00 0.0/0.0/0.0/0.0 (BP = 1.000 ratio = 1.000 hyp_len = 5 ref_len = 5)",
            ),
            (
                &[("a b c", "a b c")],
                0.0,
                "0.00 100.0/100.0/100.0/0.0 (BP = 1.000 ratio = 1.000 hyp_len = 3 ref_len = 3)",
            ),
            (
                &[("", "a b c")],
                0.0,
                "0.00 0.0/0.0/0.0/0.0 (BP = 0.000 ratio = 0.000 hyp_len = 0 ref_len = 3)",
            ),
            (
                &[("the Cat sat on the mat today", "The cat sat on the mat today")],
                61.478_815_295_126_43,
                "61.48 71.4/66.7/60.0/50.0 (BP = 1.000 ratio = 1.000 hyp_len = 7 ref_len = 7)",
            ),
            (
                &[
                    (
                        "&quot;Tom &amp; Jerry&quot; cost $1,234.50-5, didn't they?..",
                        "\"Tom & Jerry\" cost $1,234.50 - 5, didn't they...",
                    ),
                    (
                        "10-12 Uhr: «Grüße» – naïve, A&B; x<skipped>y",
                        "10 - 12 Uhr: « Grüße » – naïve,A&B; xy",
                    ),
                ],
                76.013_917_141_371_83,
                "76.01 93.3/85.7/76.9/70.8 (BP = 0.936 ratio = 0.938 hyp_len = 30 ref_len = 32)",
            ),
        ];
        for (pairs, score, shown) in cases {
            let bleu = bleu(pairs);
            assert!((bleu.score - score).abs() < 1e-9, "{bleu}");
            assert_eq!(bleu.to_string(), format!("BLEU = {shown}"));
        }
    }

    #[test]
    fn tokens_are_those_of_13a() {
        for (sentence, tokens) in [
            (
                "\"Tom &amp; Jerry&quot; cost $1,234.50-5, didn't they?..",
                "\" Tom & Jerry \" cost $ 1,234.50 - 5 , didn't they ? . .",
            ),
            ("...a.b,c 3.,4 1.-2-x ,,.", ". . . a . b , c 3 . , 4 1 . -2 - x , , ."),
            (
                "<skipped>x_y^z{w}@v\\ [u]`~ #%&*+/:;<=>?!",
                "x _ y ^ z { w } @ v \\ [ u ] ` ~ # % & * + / : ; < = > ? !",
            ),
            ("Grüße,\u{a0}«naïve» – 5.5.5, a-b 10-12.", "Grüße , «naïve» – 5.5.5 , a-b 10 - 12 ."),
            ("one-\ntwo\nthree\n", "onetwo three"),
        ] {
            assert_eq!(words(&tokenized(sentence)).join(" "), tokens);
        }
    }
}
