//! Rules about any text: white space, and names that must not be in the tree.
//!
//! The forbidden names are put together from parts, so that this file does not contain them.

use super::Finding;
use super::tree::Tree;

/// No blanks at line ends, one line end at the end of the file.
pub(super) fn white_space(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in tree.files() {
        for (number, line) in (1..).zip(file.text.split('\n')) {
            if line.ends_with([' ', '\t', '\r']) {
                findings.push(Finding::new(&file.path, number, "blanks at the end of the line"));
            }
        }
        let last = file.text.lines().count();
        if !file.text.is_empty() && !file.text.ends_with('\n') {
            findings.push(Finding::new(&file.path, last, "no line end at the end of the file"));
        }
        if file.text.ends_with("\n\n") {
            findings.push(Finding::new(&file.path, last, "empty lines at the end of the file"));
        }
    }
    findings
}

/// No package registry is named: where crates come from is the business of who builds.
///
/// Lock files do name one; cargo writes them.
pub(super) fn registries(tree: &Tree) -> Vec<Finding> {
    let hosts = [
        ["crates", ".io"].concat(),
        ["pypi", ".org"].concat(),
        ["npmjs", ".org"].concat(),
        ["npmjs", ".com"].concat(),
    ];
    let advice = "say \"the registry\", or leave it out";
    each_line(tree, |path, line| {
        let host = hosts.iter().find(|host| line.contains(host.as_str()))?;
        (!path.ends_with("Cargo.lock"))
            .then(|| format!("the host of a package registry, {host}: {advice}"))
    })
}

/// No path that exists on one machine only.
pub(super) fn machine_paths(tree: &Tree) -> Vec<Finding> {
    let roots = ["home", "root", "work", "farm", "tmp", "Users", "private"];
    let roots = roots.map(|name| format!("/{name}/"));
    let advice = "write it relative to the tree, or ask std::env::temp_dir";
    each_line(tree, |_, line| {
        let path = roots.iter().find(|root| stands_first(line, root))?;
        Some(format!("a path of one machine, below {path}: {advice}"))
    })
}

/// Whether `line` has `root` where a path begins, not in the middle of one.
fn stands_first(line: &str, root: &str) -> bool {
    line.match_indices(root).any(|(position, _)| {
        let before = line[..position].chars().next_back();
        before.is_none_or(|c| !c.is_alphanumeric() && !"._-~/}>*".contains(c))
    })
}

fn each_line(tree: &Tree, rule: impl Fn(&str, &str) -> Option<String>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in tree.files() {
        for (number, line, _) in file.lines() {
            let found = rule(&file.path, line);
            findings.extend(found.map(|what| Finding::new(&file.path, number, what)));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::{machine_paths, registries, white_space};
    use crate::tidy::assert_rule;

    #[test]
    fn white_space_that_nobody_sees_is_found() {
        assert_rule(white_space, &[("a.md", "a\n\nb\n"), ("empty", "")], None);
        assert_rule(white_space, &[("a.md", "a\nb \n")], Some("a.md:2: blanks"));
        assert_rule(white_space, &[("a.md", "a\r\n")], Some("a.md:1: blanks"));
        assert_rule(white_space, &[("a.md", "a\nb")], Some("a.md:2: no line end"));
        assert_rule(white_space, &[("a.md", "a\n\n")], Some("empty lines"));
    }

    #[test]
    fn a_registry_is_found_except_in_lock_files() {
        let text = format!("see {}{}\n", "crates", ".io");
        assert_rule(registries, &[("README.md", &text)], Some("README.md:1: the host"));
        assert_rule(registries, &[("Cargo.lock", &text), ("b", "crates.\nio\n")], None);
    }

    #[test]
    fn paths_of_one_machine_are_found() {
        for bad in ["(\"/ROOT/.cargo\")", "cd /ROOT/x", "/ROOT/x"] {
            for root in ["root", "home", "work", "tmp"] {
                let text = format!("{}\n", bad.replace("ROOT", root));
                assert_rule(machine_paths, &[("a.rs", &text)], Some("a.rs:1: a path of one"));
            }
        }
        for good in ["docs/home/x", "https://example.org/work/", "../tmp/x", "$DIR/root/"] {
            assert_rule(machine_paths, &[("a.rs", &format!("{good}\n"))], None);
        }
    }
}
