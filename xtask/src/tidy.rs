//! `cargo xtask tidy`: rules that no other tool checks, over the text of the files.
//!
//! A rule is a function from the tree to findings; each stands beside a test that breaks it. What
//! the rules are for is said in `docs/contributing.md`.

mod addresses;
mod code;
mod events;
mod layout;
mod lexer;
mod manifests;
mod msrv;
mod release;
mod text;
mod tree;
mod unsafety;

use std::fmt;

use crate::failure::Failure;
use tree::Tree;

/// One place that breaks a rule.
#[derive(Debug)]
struct Finding {
    path: String,
    /// From 1; 0 if the finding is about the file as a whole.
    line: usize,
    what: String,
}

impl Finding {
    fn new(path: &str, line: usize, what: impl Into<String>) -> Self {
        Self { path: path.to_owned(), line, what: what.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, line, what } = self;
        write!(f, "{path}:{}: {what}", line.max(&1))
    }
}

const RULES: &[fn(&Tree) -> Vec<Finding>] = &[
    text::white_space,
    text::registries,
    text::machine_paths,
    addresses::loopback_only,
    code::module_docs,
    code::length,
    code::leftovers,
    code::panics,
    code::tests_that_wait_or_hide,
    code::allowances,
    events::contained,
    msrv::let_chains,
    unsafety::forbidden_everywhere,
    unsafety::its_places,
    layout::top_level,
    layout::self_named_modules,
    layout::examples,
    layout::invariants,
    manifests::shared_keys,
    release::versions,
    release::fragments,
];

pub(crate) fn run() -> Result<(), Failure> {
    let tree = Tree::of_workspace()?;
    let mut findings: Vec<_> = RULES.iter().flat_map(|rule| rule(&tree)).collect();
    if findings.is_empty() {
        println!("  {} files, {} rules", tree.files().len(), RULES.len());
        return Ok(());
    }
    findings.sort_by(|a, b| (&a.path, a.line).cmp(&(&b.path, b.line)));
    let lines: Vec<_> = findings.iter().map(ToString::to_string).collect();
    let count = lines.len();
    let message = format!("{count} places to tidy\n{}", lines.join("\n"));
    Err(Failure::new(message).repeat("cargo xtask tidy"))
}

/// The findings of `rule` on a made-up tree, as text.
#[cfg(test)]
fn findings(rule: fn(&Tree) -> Vec<Finding>, files: &[(&str, &str)]) -> Vec<String> {
    rule(&Tree::of(files)).iter().map(ToString::to_string).collect()
}

/// Asserts that `rule` has nothing to say, or one thing that contains `expected`.
#[cfg(test)]
#[track_caller]
fn assert_rule(rule: fn(&Tree) -> Vec<Finding>, files: &[(&str, &str)], expected: Option<&str>) {
    let found = findings(rule, files);
    match expected {
        None => assert!(found.is_empty(), "{found:#?}"),
        Some(part) => {
            let [finding] = found.as_slice() else { panic!("not one finding: {found:#?}") };
            assert!(finding.contains(part), "{finding}");
        }
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn our_tree_is_tidy() {
        super::run().unwrap_or_else(|failure| panic!("{failure}"));
    }
}
