//! The forms of the law and their names.

use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// The forms of the law.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Form {
    /// α m^β: composite curves.
    Power,
    /// α m^β + γ: curves of models of a fixed size, or with an irreducible error.
    #[serde(rename = "power+const")]
    PowerConst,
    /// α (1/m + μ)^-β (Alabdulmohsin et al. 2022, M3).
    Shifted,
    /// (E - γ) / (`E_0` - E)^a = α m^β (the same, M4).
    M4,
    /// γ + α m^β (1 + (m/d)^(1/f))^(-c f) (Caballero et al. 2023, one break).
    Broken,
    /// A power law, with a constant where the data show one.
    #[default]
    Auto,
}

impl Form {
    /// Every form, in the order of the documentation.
    pub const ALL: [Self; 6] =
        [Self::Auto, Self::Power, Self::PowerConst, Self::Shifted, Self::M4, Self::Broken];

    /// The form's name on the command line and in files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Power => "power",
            Self::PowerConst => "power+const",
            Self::Shifted => "shifted",
            Self::M4 => "m4",
            Self::Broken => "broken",
            Self::Auto => "auto",
        }
    }
}

impl fmt::Display for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Form {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        let known = Self::ALL.into_iter().find(|form| form.name() == name);
        known.ok_or_else(|| Error::unknown("form", name, Self::ALL.map(Self::name)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back() {
        for form in Form::ALL {
            assert_eq!(form.name().parse::<Form>(), Ok(form));
            assert_eq!(serde_json::to_value(form).unwrap(), form.name());
            assert_eq!(serde_json::from_value::<Form>(form.name().into()).unwrap(), form);
        }
        assert!("powr".parse::<Form>().unwrap_err().to_string().contains("did you mean `power`"));
    }
}
