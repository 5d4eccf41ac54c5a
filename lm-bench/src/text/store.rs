//! A prepared corpus, mapped into memory: opening it loads nothing.

use super::encode::paths;
use super::prepare::{Meta, prepare_in};
use super::{Sentences, Text, Unit};
use scaling_core::data::cache;
use scaling_core::data::mapped::u16s;
use scaling_core::error::Result;
use scaling_core::files;
use scaling_core::task::Origin;
use scaling_core::text::records::Records;
use std::path::Path;
use std::sync::Arc;

/// One part of a prepared corpus.
struct Stored(Records);

impl Stored {
    /// Maps part `name` (`train`, `validation` or `test`) of a prepared corpus.
    ///
    /// # Errors
    /// Files that are missing or do not fit each other.
    fn open(directory: &Path, name: &str) -> Result<Self> {
        let (ids, offsets) = paths(directory, name);
        Records::open(&ids, &offsets, 2).map(Self)
    }
}

impl Sentences for Stored {
    fn len(&self) -> Option<u64> {
        Some(self.0.count())
    }

    fn read(&self, index: u64, out: &mut Vec<u16>) {
        out.clear();
        out.extend(u16s(self.0.bytes(index)));
    }

    fn tokens(&self, index: u64) -> u32 {
        self.0.length(index)
    }
}

/// Opens the text at `path`, a file or a directory, which is prepared first if it has not been. `vocabulary`
/// is the number of symbols; `seed` chooses the sentences that are held out where there is no validation
/// part. The description names what is left out, but in a trial, which does not look.
///
/// # Errors
/// Bad input, or a cache that cannot be written; see [`prepare_in`].
pub(crate) fn open(path: &Path, unit: Unit, vocabulary: usize, seed: u64) -> Result<Text> {
    let (directory, left_out) = cache::find(|cache| prepare_in(cache, path, unit, vocabulary, seed))?;
    let mut text = corpus(&directory)?;
    text.origin.description += &left_out;
    Ok(text)
}

/// Opens a directory that [`prepare_in`] returned.
///
/// # Errors
/// Files that are missing or damaged.
pub(super) fn corpus(directory: &Path) -> Result<Text> {
    cache::open(directory, || read(directory))
}

fn read(directory: &Path) -> Result<Text> {
    let meta: Meta = files::read_json(&directory.join("meta.json"))?;
    let open = |name| -> Result<Arc<dyn Sentences>> { Ok(Arc::new(Stored::open(directory, name)?)) };
    Ok(Text {
        origin: Origin::prepared(&meta.summary, meta.summary.warnings(), meta.fingerprint),
        unit: meta.summary.unit,
        train: open("train")?,
        validation: open("validation")?,
        test: meta.summary.test.as_ref().map(|_| open("test")).transpose()?,
        symbols: meta.symbols,
        #[cfg(test)]
        vocabulary: meta.vocabulary,
        best_guess: meta.best_guess,
        tokens: Some(meta.summary.train.tokens),
    })
}

#[cfg(test)]
mod tests {
    use super::super::check;
    use super::*;
    use crate::data_set::DataSet;
    use scaling_core::error::At;
    use std::fs;
    use std::path::PathBuf;

    impl DataSet {
        fn prepare(&self, unit: Unit, vocabulary: usize, seed: u64) -> Result<PathBuf> {
            Ok(prepare_in(&self.cache(), &self.set(), unit, vocabulary, seed)?.0)
        }
    }

    fn ids(sentences: &dyn Sentences) -> Vec<Vec<u16>> {
        let mut out = Vec::new();
        let read = |index| {
            sentences.read(index, &mut out);
            assert_eq!(out.len() as u32, sentences.tokens(index));
            out.clone()
        };
        (0..sentences.len().unwrap_or(0)).map(read).collect()
    }

    #[test]
    fn words_come_back_as_ids_by_frequency() -> Result<()> {
        let data = DataSet::new(&[
            ("train.txt", "the cat sat\r\n\nthe dog sat \nthe end"),
            ("valid.txt", "a cat\nthe  end\n"),
            ("test.txt", "the\n"),
        ])?;
        let corpus = corpus(&data.prepare(Unit::Words, 3, 0)?)?;
        assert_eq!(corpus.vocabulary, ["the", "sat", "cat"]);
        assert_eq!(ids(&*corpus.train), [vec![0, 2, 1], vec![0, 3, 1], vec![0, 3]]);
        assert_eq!(ids(&*corpus.validation), [[3, 2], [0, 3]]);
        assert_eq!(corpus.test.as_deref().map(ids), Some(vec![vec![0]]));
        assert_eq!(corpus.tokens, Some(8));
        let specials = corpus.specials();
        assert_eq!((specials.unknown, specials.end), (3, 6));
        // 3 x the, 2 x sat, 1 x cat, 2 x unknown, 3 x end of 11.
        let entropy = 11_f64.ln() - (2.0 * 3.0 * 3_f64.ln() + 2.0 * 2.0 * 2_f64.ln()) / 11.0;
        assert!((corpus.best_guess - entropy).abs() < 1e-12);
        assert!(corpus.origin.description.contains("1 blank lines"), "{}", corpus.origin.description);
        Ok(())
    }

    #[test]
    fn characters_leave_room_for_the_configured_number() -> Result<()> {
        let data = DataSet::new(&[("train.txt", "b a\nab\n"), ("dev.txt", "aé b\na b\n")])?;
        let corpus = corpus(&data.prepare(Unit::Characters, 94, 0)?)?;
        assert_eq!(corpus.vocabulary, ["a", "b", " "]);
        assert_eq!(corpus.symbols, 94);
        assert_eq!(ids(&*corpus.validation), [vec![0, 94, 2, 1], vec![0, 2, 1]]);
        Ok(())
    }

    #[test]
    fn a_check_says_how_many_characters_count() -> Result<()> {
        let data = DataSet::new(&[("train.txt", "abcde\nab\nabc\n"), ("dev.txt", "abcde\n")])?;
        let said = |unit, unroll| check(&data.set(), unit, 94, unroll);
        let description = corpus(&data.prepare(Unit::Characters, 94, 0)?)?.origin.description;
        let count = "; 8 of the training characters are among the first 3 of a sentence, and count";
        assert_eq!(said(Unit::Characters, 3)?.summary, format!("{description}{count}"));
        assert_eq!(said(Unit::Characters, 5)?.summary, description);
        assert!(!said(Unit::Words, 1)?.summary.contains("and count"));
        Ok(())
    }

    #[test]
    fn a_second_call_finds_the_first_and_a_change_does_not() -> Result<()> {
        let text = (0..500).map(|i| format!("w{} w{i}\n", i % 7)).collect::<Vec<_>>().concat();
        let data = DataSet::new(&[("a.txt", &text)])?;
        let first = data.prepare(Unit::Words, 50, 1)?;
        let opened = corpus(&first)?;
        assert_eq!(opened.validation.len(), Some(10));
        assert_eq!(opened.train.len(), Some(490));
        assert_eq!(data.prepare(Unit::Words, 50, 1)?, first);
        assert_ne!(data.prepare(Unit::Words, 50, 2)?, first, "another seed, another split");
        assert_ne!(data.prepare(Unit::Words, 51, 1)?, first);
        assert_ne!(data.prepare(Unit::Characters, 50, 1)?, first);
        data.put("b.txt", "more text\n")?;
        assert_ne!(data.prepare(Unit::Words, 50, 1)?, first);
        // Nothing but whole corpora is left behind.
        let cache = first.parent().unwrap_or(&first);
        for entry in fs::read_dir(cache).at("read", cache)? {
            assert!(entry.at("read", cache)?.path().join("meta.json").exists());
        }
        Ok(())
    }

    #[test]
    fn what_lies_beside_the_text_is_named_and_decides_nothing() -> Result<()> {
        let data =
            DataSet::new(&[("train.txt.raw", "a b\nb\n"), ("train.txt", "1 2\n"), ("dev.txt", "a\n")])?;
        let first = data.prepare(Unit::Words, 9, 0)?;
        let text = data.set();
        data.put("a.log", "a\n")?;
        assert_eq!(data.prepare(Unit::Words, 9, 0)?, first);
        let description = corpus(&first)?.origin.description;
        let once_more = "; left alone, holding the text of others once more: train.txt";
        assert!(description.ends_with(once_more), "{description}");
        let (_, left_out) = prepare_in(&data.cache(), &text, Unit::Words, 9, 0)?;
        assert_eq!(left_out, "; left out, not being named like text: a.log");
        assert_eq!(check(&text, Unit::Words, 9, 80)?.summary, description + &left_out);
        Ok(())
    }

    #[test]
    fn the_fingerprint_is_of_the_content() -> Result<()> {
        let files = [("train.txt", "a b\nb\n"), ("dev.txt", "a\n")];
        let print = |files: &[(&str, &str)]| -> Result<String> {
            Ok(corpus(&DataSet::new(files)?.prepare(Unit::Words, 9, 0)?)?.origin.fingerprint)
        };
        assert_eq!(print(&files)?, print(&files)?, "wherever the files lie");
        assert_ne!(print(&files)?, print(&[("train.txt", "a\nb b\n"), files[1]])?);
        Ok(())
    }

    #[test]
    fn bad_input_is_one_line() -> Result<()> {
        let message = |files: &[(&str, &str)], vocabulary| -> Result<String> {
            let error = DataSet::new(files)?.prepare(Unit::Words, vocabulary, 0).unwrap_err();
            assert_eq!(error.exit_code(), 2);
            Ok(error.to_string())
        };
        let good = ("train.txt", "a b\n");
        assert!(message(&[("a.txt", " \n\n")], 9)?.contains("has no sentence"));
        assert!(message(&[good], 9)?.contains("has one line of text"));
        assert!(message(&[good, ("dev.txt", "\n")], 9)?.contains("validation part has no"));
        assert!(message(&[good], 70_000)?.contains("use 1 to 65532"));
        let blank = message(&[good, ("dev.txt", "a\n"), ("test.txt", "\n \n")], 9)?;
        assert!(blank.contains("the test part has no sentence"), "{blank}");
        Ok(())
    }

    #[test]
    fn a_damaged_file_is_named() -> Result<()> {
        let data = DataSet::new(&[("train.txt", "a b\nb\n"), ("dev.txt", "a\n")])?;
        let directory = data.prepare(Unit::Words, 9, 0)?;
        let ids = directory.join("train.ids");
        fs::write(&ids, [0]).at("write", &ids)?;
        let error = corpus(&directory).err().map(|error| error.to_string()).unwrap_or_default();
        assert!(error.contains("train.ids is damaged; remove the directory"), "{error}");
        Ok(())
    }
}
