//! The licences of all dependencies, against an allow list.
//!
//! A user of an MIT library must not get, through us, what asks for more than a notice. Crates
//! that are used only to test or to check are held to the same list, because one list is simpler.

use std::collections::BTreeMap;

use crate::failure::Failure;
use crate::metadata::{Metadata, Package};

const ALLOWED: &[&str] = &[
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "ISC",
    "MIT",
    "MIT-0",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];

pub(crate) fn run() -> Result<(), Failure> {
    let packages = Metadata::of_everything()?.packages;
    let refused: Vec<_> = packages.iter().filter_map(refusal).collect();
    if !refused.is_empty() {
        return Err(Failure::new(refused.join("\n"))
            .repeat("cargo metadata --format-version 1")
            .fix("choose another crate, or widen ALLOWED in xtask/src/steps/licences.rs"));
    }
    println!("  {} packages", packages.len());
    for (name, versions) in duplicates(&packages) {
        println!("  note: {name} is there more than once: {}", versions.join(", "));
    }
    Ok(())
}

fn refusal(package: &Package) -> Option<String> {
    let (name, version) = (&package.name, &package.version);
    match &package.licence {
        None => Some(format!("{name} {version} states no licence")),
        Some(licence) if is_allowed(licence) => None,
        Some(licence) => Some(format!("{name} {version} has a licence not allowed: {licence}")),
    }
}

fn duplicates(packages: &[Package]) -> BTreeMap<&str, Vec<&str>> {
    let mut versions = BTreeMap::<_, Vec<_>>::new();
    for package in packages {
        versions.entry(package.name.as_str()).or_default().push(package.version.as_str());
    }
    versions.retain(|_, versions| versions.len() > 1);
    versions
}

/// Whether the SPDX expression can be met with allowed licences only. The old form with `/` for
/// `OR` is understood too.
fn is_allowed(expression: &str) -> bool {
    let spaced = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let tokens: Vec<_> = spaced.split_whitespace().collect();
    let mut parser = Parser { tokens: &tokens };
    parser.alternatives() && parser.tokens.is_empty()
}

struct Parser<'a> {
    tokens: &'a [&'a str],
}

impl Parser<'_> {
    fn alternatives(&mut self) -> bool {
        let mut allowed = self.all();
        while self.take("OR") {
            // Not `||`: the other side must be read in any case.
            allowed |= self.all();
        }
        allowed
    }

    fn all(&mut self) -> bool {
        let mut allowed = self.one();
        while self.take("AND") {
            allowed &= self.one();
        }
        allowed
    }

    fn one(&mut self) -> bool {
        if self.take("(") {
            let allowed = self.alternatives();
            return self.take(")") && allowed;
        }
        let Some((licence, rest)) = self.tokens.split_first() else { return false };
        self.tokens = rest;
        if !self.take("WITH") {
            return ALLOWED.contains(licence);
        }
        let Some((exception, rest)) = self.tokens.split_first() else { return false };
        self.tokens = rest;
        ALLOWED.contains(&format!("{licence} WITH {exception}").as_str())
    }

    fn take(&mut self, token: &str) -> bool {
        let Some((first, rest)) = self.tokens.split_first() else { return false };
        let found = *first == token;
        if found {
            self.tokens = rest;
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::is_allowed;

    #[test]
    fn one_allowed_alternative_is_enough() {
        for good in [
            "MIT",
            "MIT/Apache-2.0",
            "GPL-3.0 OR MIT",
            "(MIT OR GPL-2.0) AND Unicode-3.0",
            "Apache-2.0 WITH LLVM-exception OR GPL-3.0",
        ] {
            assert!(is_allowed(good), "{good}");
        }
    }

    #[test]
    fn what_must_be_met_must_be_allowed() {
        for bad in [
            "",
            "GPL-3.0",
            "MIT AND GPL-3.0",
            "(MIT OR Apache-2.0) AND LGPL-2.1",
            "MIT WITH Something",
            "(MIT",
            "MIT Apache-2.0",
        ] {
            assert!(!is_allowed(bad), "{bad}");
        }
    }
}
