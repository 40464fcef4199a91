//! What each manifest must say.
//!
//! A crate that forgets to inherit the lints loses all of them without a word.

use super::Finding;
use super::tree::{File, Tree};

const INHERITED: &[&str] = &[
    "version.workspace = true",
    "edition.workspace = true",
    "rust-version.workspace = true",
    "license.workspace = true",
    "[lints]\nworkspace = true",
];

const BENCH: &str = "crates/bench/Cargo.toml";

/// Members inherit what all crates share; the benchmarks are a workspace of their own.
pub(super) fn shared_keys(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for manifest in tree.files().iter().filter(|file| is_member(file)) {
        let needed: &[_] =
            if manifest.path == BENCH { &["[workspace]", "publish = false"] } else { INHERITED };
        let text = manifest.text.replace("\r\n", "\n");
        for key in needed.iter().filter(|key| !text.contains(*key)) {
            let what = format!("no `{}`", key.replace('\n', " "));
            findings.push(Finding::new(&manifest.path, 1, what));
        }
    }
    findings
}

fn is_member(file: &File) -> bool {
    let parts: Vec<_> = file.path.split('/').collect();
    matches!(parts[..], ["crates", _, "Cargo.toml"] | ["examples" | "xtask", "Cargo.toml"])
}

#[cfg(test)]
mod tests {
    use super::{INHERITED, shared_keys};
    use crate::tidy::{assert_rule, findings};

    #[test]
    fn a_member_that_does_not_inherit_is_found() {
        let good = INHERITED.join("\n");
        assert_rule(shared_keys, &[("crates/a/Cargo.toml", &good), ("Cargo.toml", "")], None);
        let bad = good.replace("[lints]", "[lint]");
        assert_rule(shared_keys, &[("xtask/Cargo.toml", &bad)], Some("no `[lints] workspace"));
        assert_eq!(findings(shared_keys, &[("examples/Cargo.toml", "")]).len(), INHERITED.len());
    }

    #[test]
    fn the_benchmarks_stand_alone() {
        let path = "crates/bench/Cargo.toml";
        assert_rule(shared_keys, &[(path, "[workspace]\n[package]\npublish = false\n")], None);
        assert_rule(
            shared_keys,
            &[(path, "[package]\npublish = false\n")],
            Some("no `[workspace]`"),
        );
    }
}
