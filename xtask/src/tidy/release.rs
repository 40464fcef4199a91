//! What must agree before a release: versions, the changelog and its fragments.

use super::Finding;
use super::tree::Tree;
use crate::changelog::{FRAGMENTS, KINDS, newest_version, workspace_version};

const MANIFEST: &str = "Cargo.toml";
const CHANGELOG: &str = "CHANGELOG.md";

/// One version for all crates, and it is the newest in the changelog.
pub(super) fn versions(tree: &Tree) -> Vec<Finding> {
    let text = |path| tree.get(path).map_or("", |file| file.text.as_str());
    let Some(version) = workspace_version(text(MANIFEST)) else {
        return vec![Finding::new(MANIFEST, 1, "no version under [workspace.package]")];
    };
    let mut findings = Vec::new();
    match newest_version(text(CHANGELOG)) {
        Some((_, newest)) if newest == version => {}
        Some((line, newest)) => {
            let what = format!("the newest heading is {newest}, the workspace is {version}");
            findings.push(Finding::new(CHANGELOG, line, what));
        }
        None => {
            let what = format!("no heading; it must begin with `## [{version}]`");
            findings.push(Finding::new(CHANGELOG, 1, what));
        }
    }
    let wanted = format!("version = \"{version}\"");
    for (number, line) in (1..).zip(text(MANIFEST).lines()) {
        if line.starts_with("ropewalk") && !line.contains(&wanted) {
            let what = format!("a crate of ours without `{wanted}`");
            findings.push(Finding::new(MANIFEST, number, what));
        }
    }
    findings
}

/// Each fragment has a kind that the changelog knows and says something.
pub(super) fn fragments(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in tree.files() {
        let Some(name) = file.path.strip_prefix(FRAGMENTS) else { continue };
        let name = name.trim_start_matches('/');
        let kind = name.strip_suffix(".md").and_then(|stem| stem.rsplit_once('.'));
        let known = kind.is_some_and(|(stem, kind)| {
            !stem.is_empty() && KINDS.iter().any(|(known, _)| *known == kind)
        });
        if !known && name != ".gitkeep" {
            let kinds: Vec<_> = KINDS.iter().map(|(kind, _)| *kind).collect();
            let what = format!("name it <issue or topic>.<{}>.md", kinds.join("|"));
            findings.push(Finding::new(&file.path, 1, what));
        } else if known && file.text.trim().is_empty() {
            findings.push(Finding::new(&file.path, 1, "say in one sentence what users get"));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::{fragments, versions};
    use crate::tidy::assert_rule;

    const MANIFEST: &str = "[workspace.package]\nversion = \"0.2.0\"\n[workspace.dependencies]\n\
                            ropewalk = { path = \"x\", version = \"0.2.0\" }\nslab = \"0.4.11\"\n";
    const LOG: &str = "# Changelog\n\n## [0.2.0] - unreleased\n\n## [0.1.0] - 2026-01-01\n";

    #[test]
    fn versions_that_differ_are_found() {
        assert_rule(versions, &[("Cargo.toml", MANIFEST), ("CHANGELOG.md", LOG)], None);
        let old = LOG.replace("[0.2.0]", "[0.1.1]");
        let files = [("Cargo.toml", MANIFEST), ("CHANGELOG.md", &old)];
        assert_rule(versions, &files, Some("CHANGELOG.md:3: the newest heading is 0.1.1"));
        assert_rule(versions, &[("Cargo.toml", MANIFEST)], Some("CHANGELOG.md:1: no heading"));
        let crooked = MANIFEST.replace("\"x\", version = \"0.2.0\"", "\"x\", version = \"0.1.0\"");
        let files = [("Cargo.toml", crooked.as_str()), ("CHANGELOG.md", LOG)];
        assert_rule(versions, &files, Some("Cargo.toml:4: a crate of ours"));
    }

    #[test]
    fn a_fragment_that_cannot_be_folded_is_found() {
        assert_rule(fragments, &[("docs/changes/7.added.md", "A thing.\n")], None);
        for bad in ["7.md", "7.new.md", "added.md", "7.added.txt"] {
            let path = format!("docs/changes/{bad}");
            assert_rule(fragments, &[(&path, "A thing.\n")], Some("name it"));
        }
        assert_rule(fragments, &[("docs/changes/7.added.md", "\n")], Some("one sentence"));
    }
}
