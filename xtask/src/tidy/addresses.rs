//! Tests, examples and pages talk to this machine only.
//!
//! A test that needs the internet fails on a train and passes for the wrong reason elsewhere.

use super::Finding;
use super::tree::{File, Tree};

/// No IPv4 address but loopback and "any" where code is run by the checks.
pub(super) fn loopback_only(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in tree.files() {
        let whole_file = is_run_as_a_whole(file);
        for (number, line, is_test) in file.lines() {
            let is_doc =
                file.is_rust() && ["///", "//!"].iter().any(|doc| line.trim().starts_with(doc));
            if !(whole_file || is_test || is_doc) {
                continue;
            }
            for [a, b, c, d] in addresses(line) {
                if a != 127 && [a, b, c, d] != [0; 4] {
                    let what = format!("the address {a}.{b}.{c}.{d}: use one in 127.0.0.0/8");
                    findings.push(Finding::new(&file.path, number, what));
                }
            }
        }
    }
    findings
}

fn is_run_as_a_whole(file: &File) -> bool {
    let path = file.path.as_str();
    let is_page =
        path.ends_with(".md") && (path.starts_with("docs/guide/") || path.ends_with("README.md"));
    is_page || path.starts_with("examples/") || path.starts_with("crates/bench/")
}

/// The dotted quads in `line` that are addresses: four numbers up to 255, with nothing glued on.
fn addresses(line: &str) -> Vec<[u8; 4]> {
    let is_part = |c: char| c.is_ascii_digit() || c == '.';
    let glued = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
    let mut found = Vec::new();
    let mut rest = line;
    let mut before = None;
    while let Some(start) = rest.find(|c: char| c.is_ascii_digit()) {
        before = rest[..start].chars().next_back().or(before);
        let run = &rest[start..];
        let end = run.find(|c| !is_part(c)).unwrap_or(run.len());
        let numbers: Vec<_> = run[..end].trim_end_matches('.').split('.').map(str::parse).collect();
        if let [Ok(a), Ok(b), Ok(c), Ok(d)] = numbers[..] {
            if !before.is_some_and(glued) {
                found.push([a, b, c, d]);
            }
        }
        before = run[..end].chars().next_back();
        rest = &run[end..];
    }
    found
}

#[cfg(test)]
mod tests {
    use super::{addresses, loopback_only};
    use crate::tidy::assert_rule;

    // Not written out, or this file would break its own rule.
    fn elsewhere() -> String {
        [192, 0, 2, 1].map(|part| part.to_string()).join(".")
    }

    #[test]
    fn an_address_elsewhere_is_found_in_what_is_run() {
        let text = format!("connect(\"{}:80\")\n", elsewhere());
        for path in ["crates/a/tests/it/main.rs", "examples/a.rs", "docs/guide/src/a.md"] {
            assert_rule(loopback_only, &[(path, &text)], Some(":1: the address"));
        }
        let doc = format!("/// `{}`\nfn a() {{}}\n", elsewhere());
        assert_rule(loopback_only, &[("crates/a/src/a.rs", &doc)], Some("a.rs:1:"));
        assert_rule(loopback_only, &[("crates/a/src/a.rs", &text)], None);
    }

    #[test]
    fn loopback_is_welcome() {
        let text = "\"127.0.0.1:80\" \"127.9.9.9\" \"0.0.0.0\"\n";
        assert_rule(loopback_only, &[("examples/a.rs", text)], None);
    }

    #[test]
    fn versions_and_ranges_are_no_addresses() {
        assert_eq!(addresses("1.2.3, 0..5, 300.1.1.1, v1.2.3.4, 1.2.3.4.5"), [[0; 4]; 0]);
        assert_eq!(addresses("at 127.0.0.1."), [[127, 0, 0, 1]]);
    }
}
