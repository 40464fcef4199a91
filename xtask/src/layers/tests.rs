//! The rule about layers, on small workspaces that break it and on our own.

use super::{edges, explained, unexplained};
use crate::metadata::{Dependency, Kind, Package};

fn package(name: &str, dependencies: Vec<Dependency>) -> Package {
    Package {
        name: name.to_owned(),
        version: "0.1.0".to_owned(),
        licence: None,
        manifest: String::new(),
        published: true,
        rust_version: None,
        features: [].into(),
        dependencies,
        examples: Vec::new(),
    }
}

fn ours(name: &str, kind: Kind, requirement: &str) -> Dependency {
    Dependency {
        name: name.to_owned(),
        kind,
        requirement: requirement.to_owned(),
        has_path: true,
        target: None,
    }
}

fn foreign(name: &str, kind: Kind) -> Dependency {
    Dependency { has_path: false, ..ours(name, kind, "^1.0") }
}

#[track_caller]
fn assert_finding(findings: &[String], parts: &[&str]) {
    let [finding] = findings else { panic!("not one finding: {findings:#?}") };
    assert!(parts.iter().all(|part| finding.contains(part)), "{finding}");
}

#[test]
fn our_layers_hold() {
    super::run().unwrap_or_else(|failure| panic!("{failure}"));
}

#[test]
fn a_wrong_edge_names_the_offender() {
    let deferred =
        package("ropewalk-deferred", vec![ours("ropewalk-reactor", Kind::Normal, "^0.1.0")]);
    let parts = &["ropewalk-deferred imports ropewalk-reactor", "floor 0 crates import nothing"];
    assert_finding(&edges(&[deferred]), parts);
}

#[test]
fn an_optional_or_a_development_edge_is_an_edge() {
    let task = package("ropewalk-task", vec![ours("ropewalk-threads", Kind::Dev, "*")]);
    assert_finding(&edges(&[task]), &["ropewalk-task imports ropewalk-threads"]);
}

#[test]
fn an_edge_to_our_published_crate_is_an_edge() {
    let deferred = package("ropewalk-deferred", vec![foreign("ropewalk-task", Kind::Normal)]);
    assert_finding(&edges(&[deferred]), &["ropewalk-deferred imports ropewalk-task"]);
}

#[test]
fn testing_is_for_tests() {
    let good = package("ropewalk-deferred", vec![ours("ropewalk-testing", Kind::Dev, "*")]);
    assert_eq!(edges(&[good]), [""; 0]);
    let bad = package("ropewalk-net", vec![ours("ropewalk-testing", Kind::Normal, "^0.1.0")]);
    assert_finding(&edges(&[bad]), &["under [dev-dependencies] only"]);
}

#[test]
fn versions_stand_where_packaging_needs_them() {
    let dev = package("ropewalk-deferred", vec![ours("ropewalk-testing", Kind::Dev, "^0.1.0")]);
    assert_finding(&edges(&[dev]), &["cannot be packaged", "path"]);
    let normal = package("ropewalk-task", vec![ours("ropewalk-reactor", Kind::Normal, "*")]);
    assert_finding(&edges(&[normal]), &["gives no version"]);
}

#[test]
fn strangers_and_the_benchmarks_are_no_members() {
    assert_finding(&edges(&[package("ropewalk-new", vec![])]), &["no place in the table"]);
    assert_finding(&edges(&[package("ropewalk-bench", vec![])]), &["exclude"]);
}

#[test]
fn each_foreign_crate_has_a_reason() {
    let page = "## Dependencies\n\n- `slab`: keys that stay\n- text\n\n## Other\n- `flume`: no\n";
    assert_eq!(explained(page), ["slab"]);
    let slab = || foreign("slab", Kind::Normal);
    assert_eq!(unexplained(&[package("a", vec![slab()])], page), [""; 0]);
    let flume = package("b", vec![slab(), foreign("flume", Kind::Normal)]);
    assert_finding(&unexplained(&[flume], page), &["`flume`", "which b depends on"]);
}

#[test]
fn a_reason_for_nothing_is_found() {
    let page = "# Dependencies\n- `slab`: keys that stay\n";
    assert_finding(&unexplained(&[package("a", vec![])], page), &["`slab` is not a dependency"]);
}
