//! The rule about events: a `tracing` subscriber is user code, and may panic.
//!
//! Who tells of something is often between two steps of a protocol, which must not be broken off. So
//! these crates emit their events inside of their own `tell(…)`, where a panic ends.

use super::Finding;
use super::tree::{File, Tree};

const CRATES: &[&str] =
    &["crates/net/src/", "crates/reactor/src/", "crates/threadpool/src/", "crates/threads/src/"];

const LEVELS: &[&str] = &["error!", "warn!", "info!", "debug!", "trace!"];

/// No event outside of `tell(…)`.
pub(super) fn contained(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    let is_meant = |file: &&File| CRATES.iter().any(|path| file.path.starts_with(path));
    for file in tree.rust().filter(is_meant) {
        let code = file.masked();
        for (offset, _) in code.match_indices("tracing::") {
            let event = &code[offset + "tracing::".len()..];
            let is_event = LEVELS.iter().any(|level| event.starts_with(level));
            if is_event && !is_told(&code[..offset]) {
                let what = "an event outside of `tell(…)`: a subscriber that panics would break off \
                            what is under way; write `tell(|| tracing::…)`";
                findings.push(Finding::new(&file.path, file.line_of(offset), what));
            }
        }
    }
    findings
}

/// Whether what follows `before` is an argument of a call of `tell`.
fn is_told(before: &str) -> bool {
    let mut depth = 0_usize;
    for (offset, bracket) in before.rmatch_indices(['(', ')', '{', '}']) {
        match bracket {
            ")" | "}" => depth += 1,
            _ if depth > 0 => depth -= 1,
            "(" if names_tell(&before[..offset]) => return true,
            _ => {}
        }
    }
    false
}

fn names_tell(before: &str) -> bool {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    before.strip_suffix("tell").is_some_and(|rest| !rest.ends_with(is_word))
}

#[cfg(test)]
mod tests {
    use super::contained;
    use crate::tidy::assert_rule;

    const FILE: &str = "crates/threads/src/a.rs";

    #[test]
    fn an_event_that_may_break_something_off_is_found() {
        let bare = "fn tell(a: u8) {\n    tracing::warn!(a, \"b\");\n}\n";
        assert_rule(contained, &[(FILE, bare)], Some("a.rs:2: an event outside"));
        let beside = "tell(|| ());\nretell(|| { tracing::error!(\"a\") });\n";
        assert_rule(contained, &[(FILE, beside)], Some("a.rs:2: an event outside"));
        let told = "tell(|| {\n    b();\n    tracing::debug!(\"a\");\n});\n// tracing::info!()\n";
        assert_rule(contained, &[(FILE, told)], None);
        let path =
            "panics::tell(|| tracing::trace!(a = f(1), \"a\"));\nlet a = tracing::Span::none();\n";
        assert_rule(contained, &[(FILE, path), ("crates/bench/src/a.rs", bare)], None);
    }
}
