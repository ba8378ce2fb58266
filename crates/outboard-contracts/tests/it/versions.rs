//! Versions and constraints: the original's tables, and what it got wrong.

use outboard_contracts::version::{Constraint, VersionErrorKind, check, parse};

#[test]
fn versions_of_three_numbers_are_read_with_or_without_a_v() {
    for (text, numbers) in [
        ("1.2.3", (1, 2, 3)),
        ("v1.2.3", (1, 2, 3)),
        ("0.0.0", (0, 0, 0)),
    ] {
        let version = parse(text).unwrap();
        assert_eq!((version.major, version.minor, version.patch), numbers);
    }
}

#[test]
fn texts_that_are_no_versions_are_refused() {
    // DIFFERENCE: the original accepts signs and leading zeros (the last four).
    for text in [
        "", "v", "1.2", "abc", "1.2.abc", "1.2.3.4", "vv1.2.3", "+1.-2.3", "1.+2.3", "01.2.3",
        "1.2.03",
    ] {
        let error = parse(text).unwrap_err();
        assert_eq!(error.kind(), VersionErrorKind::Version, "{text}");
        assert!(
            error
                .to_string()
                .starts_with(&format!("invalid version {text:?}: ")),
            "{error}"
        );
    }
}

// DIFFERENCE: the original rejects pre-releases and build metadata.
#[test]
fn pre_releases_and_build_metadata_are_read() {
    assert_eq!(parse("1.2.3-rc.1+linux").unwrap().pre.as_str(), "rc.1");
}

#[test]
fn versions_are_ordered_by_their_numbers_and_pre_releases_come_first() {
    let ordered = [
        "0.9.9",
        "1.0.0-alpha",
        "1.0.0-alpha.2",
        "1.0.0-alpha.10",
        "1.0.0",
        "1.0.1",
        "1.2.0",
        "2.0.0",
    ];
    for pair in ordered.windows(2) {
        assert!(
            parse(pair[0]).unwrap() < parse(pair[1]).unwrap(),
            "{pair:?}"
        );
    }
    assert_eq!(parse("v1.2.3").unwrap(), parse("1.2.3").unwrap());
}

#[test]
fn a_version_prints_without_its_v() {
    assert_eq!(parse("v1.2.3").unwrap().to_string(), "1.2.3");
}

#[test]
fn constraints_of_every_operator_are_read() {
    for text in [
        ">=1.0.0",
        "<=1.0.0",
        "!=1.0.0",
        ">1.0.0",
        "<1.0.0",
        "^1.0.0",
        "~1.0.0",
        "=1.0.0",
        "1.0.0",
        "  >= 1.0.0 ",
        "v1.0.0",
        ">=v1.0.0",
        "^2.1",
        "1",
        "1.x",
        "1.2.*",
        "*",
        "x",
        ">=1, <2",
        ">=1.2 <2",
        ">=1.2,<2",
        "^1 || ^2",
        "1.0.0-rc.1",
        ">= 1.0.0-rc.1 , != 1.0.0-rc.2",
        "=1.0.0+build",
    ] {
        let constraint = Constraint::parse(text).unwrap();
        assert_eq!(constraint.to_string(), text.trim());
    }
}

#[test]
fn texts_that_are_no_constraints_are_refused() {
    for text in [
        "",
        " ",
        ">=",
        "abc",
        ">=abc",
        "||",
        "1.0.0 ||",
        ",",
        "1.0.0,",
        ">> 1.0.0",
        "=>1.0.0",
        "==1.0.0",
        "1.0.0.0",
        "+1.0.0",
        ">=-1.0.0",
        "01.0.0",
        "1.0.00",
        "1..0",
        "1.x.2",
        ">*",
        "!=*",
        "1.2-rc",
        "1.0.0-",
        "1.0.0-01",
        "99999999999999999999.0.0",
        "1.0.0 !",
        "^",
        "1.0.0 - 2.0.0",
    ] {
        let error = Constraint::parse(text).unwrap_err();
        assert_eq!(error.kind(), VersionErrorKind::Constraint, "{text}");
    }
    assert!(Constraint::parse(&">=1.0.0 ".repeat(1000)).is_err());
}

#[test]
fn constraints_accept_what_they_say() {
    for (constraint, version, accepted) in [
        (">=1.0.0", "1.0.0", true),
        (">=1.0.0", "1.2.0", true),
        (">=1.0.0", "0.9.9", false),
        ("<=1.0.0", "1.0.0", true),
        ("<=1.0.0", "1.0.1", false),
        (">1.0.0", "1.0.1", true),
        (">1.0.0", "1.0.0", false),
        ("<1.0.0", "0.9.9", true),
        ("<1.0.0", "1.0.0", false),
        ("!=1.0.0", "1.0.1", true),
        ("!=1.0.0", "1.0.0", false),
        ("=1.0.0", "1.0.0", true),
        ("=1.0.0", "1.0.1", false),
        ("1.0.0", "1.0.0", true),
        ("1.0.0", "1.0.1", false),
        ("^1.2.0", "1.2.0", true),
        ("^1.2.0", "1.9.0", true),
        ("^1.2.0", "2.0.0", false),
        ("^1.2.0", "1.1.9", false),
        ("~1.2.0", "1.2.9", true),
        ("~1.2.0", "1.3.0", false),
        ("~1.2.3", "1.2.2", false),
    ] {
        assert_eq!(
            check(version, constraint).unwrap(),
            accepted,
            "{version} by {constraint}"
        );
    }
}

// DIFFERENCE: for the original, `^0.1.0` accepts 0.9.0.
#[test]
fn a_caret_keeps_the_leftmost_part_that_is_not_zero() {
    for (constraint, version, accepted) in [
        ("^0.1.0", "0.1.9", true),
        ("^0.1.0", "0.9.0", false),
        ("^0.1", "0.1.0", true),
        ("^0.1", "0.2.0", false),
        ("^0.0.3", "0.0.3", true),
        ("^0.0.3", "0.0.4", false),
        ("^0", "0.9.0", true),
        ("^0", "1.0.0", false),
    ] {
        assert_eq!(
            check(version, constraint).unwrap(),
            accepted,
            "{version} by {constraint}"
        );
    }
}

// DIFFERENCE: the original takes one comparator with a full version only; even
// the `^2.1` of its own documentation is refused there.
#[test]
fn partial_versions_several_comparators_and_alternatives_are_understood() {
    for (constraint, version, accepted) in [
        ("^2.1", "2.9.0", true),
        ("^2.1", "2.0.9", false),
        ("1.2", "1.2.9", true),
        ("1.2", "1.3.0", false),
        ("1.x", "1.9.9", true),
        ("1", "2.0.0", false),
        ("*", "0.0.1", true),
        ("~1", "1.9.0", true),
        (">1.2", "1.2.9", false),
        (">1.2", "1.3.0", true),
        ("<=1.2", "1.2.9", true),
        ("!=1.2", "1.2.3", false),
        (">=1.2, <2", "1.5.0", true),
        (">=1.2, <2", "2.0.0", false),
        (">=1.2 <2", "1.5.0", true),
        (">= 1.2 < 2", "2.0.0", false),
        (">=1, !=1.5.0, <2", "1.5.0", false),
        (">=1, !=1.5.0, <2", "1.5.1", true),
        ("^1.2 || ^3", "3.1.0", true),
        ("^1.2 || ^3", "2.0.0", false),
    ] {
        assert_eq!(
            check(version, constraint).unwrap(),
            accepted,
            "{version} by {constraint}"
        );
    }
}

#[test]
fn a_pre_release_is_accepted_only_where_the_constraint_names_one_of_that_version() {
    for (constraint, version, accepted) in [
        (">=1.0.0", "1.1.0-rc.1", false),
        ("*", "1.0.0-rc.1", false),
        ("!=2.0.0", "1.0.0-rc.1", false),
        (">=1.2.3-alpha.1", "1.2.3-beta", true),
        (">=1.2.3-alpha.1", "1.3.0-beta", false),
        (">=1.2.3-alpha.1", "1.2.3", true),
        ("^1.2.3-alpha", "1.2.3-alpha", true),
        ("^1.2.3-beta", "1.2.3-alpha", false),
        (">=1.2.3-alpha, <1.2.4", "1.2.3-beta", true),
        ("1.2.3-rc.1", "1.2.3-rc.1", true),
        (">=1.2.3-alpha, !=1.2.3-beta", "1.2.3-beta", false),
        ("^1 || =2.0.0-rc.1", "2.0.0-rc.1", true),
    ] {
        assert_eq!(
            check(version, constraint).unwrap(),
            accepted,
            "{version} by {constraint}"
        );
    }
}

#[test]
fn a_check_says_which_of_the_two_texts_is_wrong() {
    assert_eq!(
        check("bad", ">=1.0.0").unwrap_err().kind(),
        VersionErrorKind::Version
    );
    assert_eq!(
        check("1.0.0", "bad").unwrap_err().kind(),
        VersionErrorKind::Constraint
    );
}
