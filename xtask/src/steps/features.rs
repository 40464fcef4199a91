//! Which sets of features are worth compiling, and every crate compiled alone with each.
//!
//! Only the library is checked, without development dependencies: those may turn on features of
//! common dependencies and so hide that a crate forgot to ask for what it uses.

use std::collections::{BTreeMap, BTreeSet};

use crate::command::Command;
use crate::failure::Failure;
use crate::layers;

type Features = BTreeMap<String, Vec<String>>;

/// A set of features and the flags that ask cargo for it.
#[derive(Debug)]
pub(crate) struct Combination {
    pub(crate) flags: Vec<String>,
    enabled: BTreeSet<String>,
}

pub(crate) fn run() -> Result<(), Failure> {
    for package in layers::from_the_ground_up()? {
        for Combination { flags, .. } in every(&package.features) {
            // clippy and not check: it can deny warnings without flags that would make cargo
            // compile every dependency anew.
            Command::cargo("clippy --quiet -p")
                .arg(&package.name)
                .args(flags)
                .words("-- -D warnings")
                .run()?;
        }
    }
    Ok(())
}

/// The default, none and all; one of those that come to the same.
pub(crate) fn usual(features: &Features) -> Vec<Combination> {
    distinct([default(features), of(features, &[]), all(features)])
}

/// None, each alone, each pair, the default and all; one of those that come to the same.
fn every(features: &Features) -> Vec<Combination> {
    let names: Vec<_> = features.keys().filter(|name| *name != "default").collect();
    let mut sets = vec![default(features), of(features, &[])];
    sets.extend(names.iter().map(|one| of(features, &[one])));
    for (position, one) in names.iter().enumerate() {
        sets.extend(names[position + 1..].iter().map(|other| of(features, &[one, other])));
    }
    sets.push(all(features));
    distinct(sets)
}

fn default(features: &Features) -> Combination {
    Combination { flags: Vec::new(), enabled: closure(features, &["default"]) }
}

fn all(features: &Features) -> Combination {
    let names: Vec<_> = features.keys().map(String::as_str).collect();
    Combination { flags: vec!["--all-features".to_owned()], enabled: closure(features, &names) }
}

fn of(features: &Features, names: &[&str]) -> Combination {
    let mut flags = vec!["--no-default-features".to_owned()];
    if !names.is_empty() {
        flags.extend(["--features".to_owned(), names.join(",")]);
    }
    Combination { flags, enabled: closure(features, names) }
}

/// `names` and whatever they turn on in the same crate. `default` itself is not counted: code that
/// asks for it by name does not exist.
fn closure(features: &Features, names: &[&str]) -> BTreeSet<String> {
    let mut enabled = BTreeSet::new();
    let mut open: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    while let Some(name) = open.pop() {
        let Some(enables) = features.get(&name) else { continue };
        if enabled.insert(name) {
            open.extend(enables.iter().cloned());
        }
    }
    enabled.remove("default");
    enabled
}

fn distinct(sets: impl IntoIterator<Item = Combination>) -> Vec<Combination> {
    let mut seen = BTreeSet::new();
    sets.into_iter().filter(|set| seen.insert(set.enabled.clone())).collect()
}

#[cfg(test)]
mod tests {
    use super::{Combination, Features, every, usual};

    fn features(list: &[(&str, &[&str])]) -> Features {
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        list.iter().map(|(name, enables)| ((*name).to_owned(), owned(enables))).collect()
    }

    fn flags(sets: Vec<Combination>) -> Vec<String> {
        sets.into_iter().map(|set| set.flags.join(" ")).collect()
    }

    #[test]
    fn a_crate_without_features_is_compiled_once() {
        assert_eq!(flags(usual(&features(&[]))), [""]);
        assert_eq!(flags(every(&features(&[]))), [""]);
    }

    #[test]
    fn sets_that_come_to_the_same_are_compiled_once() {
        let reactor = features(&[("default", &[]), ("signals", &["dep:signal-hook"])]);
        assert_eq!(flags(usual(&reactor)), ["", "--all-features"]);
        assert_eq!(flags(every(&reactor)), ["", "--no-default-features --features signals"]);
    }

    #[test]
    fn each_feature_and_each_pair_is_compiled() {
        let many = features(&[("default", &["a"]), ("a", &[]), ("b", &["x/y"]), ("c", &["b"])]);
        assert_eq!(flags(usual(&many)), ["", "--no-default-features", "--all-features"]);
        assert_eq!(
            flags(every(&many)),
            [
                "",
                "--no-default-features",
                "--no-default-features --features b",
                "--no-default-features --features c",
                "--no-default-features --features a,b",
                "--no-default-features --features a,c",
            ]
        );
    }
}
