//! Where `unsafe` may stand: in two files.
//!
//! `crates/bench` is held to neither rule: it is no part of what users get, and the floors that it
//! measures against are written to be as bare as the system allows.

use super::Finding;
use super::code::has_word;
use super::tree::{File, Tree};

const PLACES: &[&str] = &["crates/reactor/src/closures.rs", "crates/reactor/src/poller.rs"];
const FORBID: &str = "#![forbid(unsafe_code)]";
const DENY: &str = "#![deny(unsafe_code)]";

/// Each crate root forbids it; `reactor`, which has those places, denies it.
pub(super) fn forbidden_everywhere(tree: &Tree) -> Vec<Finding> {
    let bare = tree.rust().filter(|file| is_root(file)).filter_map(|file| {
        let wanted = if file.path.starts_with("crates/reactor/") { DENY } else { FORBID };
        let missing = !file.code().any(|(_, line, _)| line.trim() == wanted);
        missing.then(|| Finding::new(&file.path, 1, format!("no `{wanted}` in this crate root")))
    });
    bare.collect()
}

/// Nothing else has it.
pub(super) fn its_places(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    let elsewhere = |file: &&File| !PLACES.contains(&&*file.path) && !is_bench(file);
    for file in tree.rust().filter(elsewhere) {
        for (number, code, _) in file.code() {
            if has_word(code, "unsafe") {
                let places = PLACES.join(" and ");
                let what = format!("`unsafe` outside of {places}: find a safe way or a kept crate");
                findings.push(Finding::new(&file.path, number, what));
            }
        }
    }
    findings
}

fn is_bench(file: &File) -> bool {
    file.path.starts_with("crates/bench/")
}

fn is_root(file: &File) -> bool {
    let parts: Vec<_> = file.path.split('/').collect();
    match parts[..] {
        ["crates", "bench", ..] => false,
        ["crates", _, "src", "lib.rs" | "main.rs"] => true,
        ["xtask", "src", "main.rs"] | ["examples", "lib.rs"] => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::{PLACES, forbidden_everywhere, its_places};
    use crate::tidy::assert_rule;

    #[test]
    fn a_root_that_forbids_nothing_is_found() {
        let forbids = "//! A.\n#![forbid(unsafe_code)]\n";
        let denies = "//! A.\n#![deny(unsafe_code)]\n";
        let (net, reactor) = ("crates/net/src/lib.rs", "crates/reactor/src/lib.rs");
        assert_rule(forbidden_everywhere, &[(net, forbids), (reactor, denies)], None);
        assert_rule(forbidden_everywhere, &[(net, denies)], Some("no `#![forbid(unsafe_code)]`"));
        assert_rule(forbidden_everywhere, &[(reactor, "//! A.\n")], Some("no `#![deny"));
        let quoted = "//! #![forbid(unsafe_code)]\n";
        assert_rule(forbidden_everywhere, &[("xtask/src/main.rs", quoted)], Some("main.rs:1"));
    }

    #[test]
    fn unsafe_elsewhere_is_found() {
        let code = "fn a() {\n    unsafe { b() }\n}\n";
        for place in PLACES {
            assert_rule(its_places, &[(place, code)], None);
        }
        assert_rule(
            its_places,
            &[("crates/reactor/src/turn.rs", code)],
            Some("turn.rs:2: `unsafe`"),
        );
        assert_rule(its_places, &[("examples/a.rs", "// unsafe\nlet unsafe_code = 1;\n")], None);
    }
}
