//! Settings from several sources, the later ones over the earlier.

use super::common::{KEYS, Settings};
use super::key::{Key, find};
use super::options::Options;
use super::value::{assign, parse, parse_toml};
use crate::error::{Error, Result};
use crate::shard::Mode;
use toml::Table;

/// More seeds than any study needs: their trials are listed before the first begins.
const MOST_SEEDS: u64 = 10_000;

/// Collects settings from their sources, in rising order of precedence.
#[derive(Debug, Clone)]
pub struct Layers {
    keys: Vec<Key>,
    values: Table,
}

impl Layers {
    /// Starts with the defaults of the core and of a task.
    ///
    /// # Errors
    /// Never, for defaults that suit their kinds.
    pub fn new(task_keys: &[Key]) -> Result<Self> {
        let keys: Vec<Key> = KEYS.iter().chain(task_keys).copied().collect();
        let values =
            keys.iter().map(|k| Ok((k.name.to_owned(), parse(k, k.default)?))).collect::<Result<_>>()?;
        Ok(Self { keys, values })
    }

    /// Adds (key, value) pairs as written on the command line.
    ///
    /// # Errors
    /// If a key is unknown or a value does not suit it.
    pub fn pairs(&mut self, pairs: &[(&'static str, String)]) -> Result<()> {
        for (name, text) in pairs {
            let key = find(&self.keys, name)?;
            self.values.insert(key.name.to_owned(), parse(key, text)?);
        }
        Ok(())
    }

    /// Adds the content of a configuration file.
    ///
    /// # Errors
    /// If a key is unknown or a value does not suit it.
    pub fn table(&mut self, table: &Table) -> Result<()> {
        for (name, value) in table {
            let key = find(&self.keys, name)?;
            self.values.insert(key.name.to_owned(), parse_toml(key, value)?);
        }
        Ok(())
    }

    /// Adds `--set key=value`.
    ///
    /// # Errors
    /// If the key is unknown or the value does not suit it.
    pub fn set(&mut self, assignment: &str) -> Result<()> {
        let (name, value) = assign(&self.keys, assignment)?;
        self.values.insert(name, value);
        Ok(())
    }

    /// The typed settings of the core, and the options of the task.
    ///
    /// # Errors
    /// If a value is out of its range.
    pub fn resolve(&self) -> Result<(Settings, Options)> {
        let mut settings: Settings = self
            .values
            .clone()
            .try_into()
            .map_err(|e: toml::de::Error| Error::input(e.message().to_owned()))?;
        settings.shards.sort_unstable();
        settings.shards.dedup();
        settings.sizes.sort_by(f64::total_cmp);
        settings.sizes.dedup();
        if settings.seeds > MOST_SEEDS {
            return Err(Error::input(format!(
                "`seeds` must be at most {MOST_SEEDS}, not {}",
                settings.seeds
            )));
        }
        if !(settings.level > 0.5 && settings.level < 1.0) {
            return Err(Error::input(format!("`level` must lie between 0.5 and 1, not {}", settings.level)));
        }
        if !(0.0..=1e9).contains(&settings.checkpoint_seconds) || settings.clip.norm(0.0) < 0.0 {
            return Err(Error::input(
                "`checkpoint_seconds` must lie between 0 and 1e9, and `clip` must not be negative",
            ));
        }
        if !(settings.drop > 0.0 && settings.drop < 1.0) {
            return Err(Error::input(format!("`drop` must lie between 0 and 1, not {}", settings.drop)));
        }
        if !(0.0..1.0).contains(&settings.adam_beta2) || settings.adam_epsilon <= 0.0 {
            return Err(Error::input("`adam_beta2` must lie between 0 and 1, and `adam_epsilon` above 0"));
        }
        // The guided search takes neighbours in the list for neighbours in value.
        for rates in [&mut settings.sgd_rates, &mut settings.adam_rates] {
            rates.sort_by(f64::total_cmp);
            rates.dedup();
        }
        settings.batch_sizes.sort_unstable();
        settings.batch_sizes.dedup();
        if settings.mode == Mode::Disjoint && settings.shards.windows(2).any(|w| w[1] < 2 * w[0]) {
            return Err(Error::input("disjoint shards must lie at least a factor 2 apart"));
        }
        let core: Vec<&str> = KEYS.iter().map(|k| k.name).collect();
        let options = self.values.iter().filter(|(name, _)| !core.contains(&name.as_str()));
        Ok((settings, Options(options.map(|(k, v)| (k.clone(), v.clone())).collect())))
    }
}

#[cfg(test)]
mod tests {
    use super::super::clip::Clip;
    use super::super::key::Kind;
    use super::*;

    const UNROLL: &[Key] = &[Key::new("unroll", Kind::Count, "80", "steps")];

    #[test]
    fn later_layers_win_and_names_are_checked() {
        let mut layers = Layers::new(UNROLL).unwrap();
        layers.pairs(&[("shards", "200,100".into())]).unwrap();
        layers.table(&toml::from_str("sizes = [64, 32]\nunroll = 20").unwrap()).unwrap();
        layers.set("unroll=40").unwrap();
        let (settings, options) = layers.resolve().unwrap();
        assert_eq!(settings.shards, [100, 200]);
        assert_eq!(settings.sizes, [32.0, 64.0]);
        assert_eq!(options.count("unroll"), 40);
        let message = layers.set("shard=3").unwrap_err().to_string();
        assert!(message.contains("did you mean `shards`"), "{message}");
        let message = layers.set("shards=3,x").unwrap_err().to_string();
        assert_eq!(message, "`shards` must be whole numbers > 0 separated by commas, not `3,x`");
        let message = layers.set("patience=0").unwrap_err().to_string();
        assert_eq!(message, "`patience` must be a whole number > 0, not `0`");
        let mut many = layers.clone();
        many.set("seeds=1e14").unwrap();
        assert!(many.resolve().unwrap_err().to_string().contains("`seeds` must be at most 10000"));
        let message = layers.set("mode=nestd").unwrap_err().to_string();
        assert!(message.contains("did you mean `nested`"), "{message}");
        let message = layers.set("clip=mine").unwrap_err().to_string();
        assert_eq!(message, "`clip` must be a number or `own`, not `mine`");
    }

    #[test]
    fn a_norm_to_clip_at_is_read_back_as_it_was_written() {
        for (clip, text) in [(Clip::Own, "clip = \"own\""), (Clip::Norm(400.0), "clip = 400.0")] {
            let mut layers = Layers::new(&[]).unwrap();
            layers.table(&toml::from_str(text).unwrap()).unwrap();
            let (settings, _) = layers.resolve().unwrap();
            assert_eq!(settings.clip, clip);
            let written = toml::to_string(&settings).unwrap();
            assert!(written.lines().any(|line| line == text), "{written}");
        }
    }
}
