//! Tokens on a real file.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::*;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + seconds).expect("a time")
}

fn request(name: &str, role: Role) -> TokenRequest {
    TokenRequest {
        name: name.to_owned(),
        role,
        permissions: Vec::new(),
        expires_in: None,
    }
}

fn open(directory: &tempfile::TempDir) -> Tokens {
    let database = Database::open(&directory.path().join("outboard.db")).expect("a database");
    Tokens::open(Arc::new(database)).expect("tokens")
}

fn kind<T: fmt::Debug>(result: Result<T, AccessError>) -> AccessErrorKind {
    result.expect_err("an error").kind()
}

#[test]
fn a_token_is_found_by_its_secret_also_after_a_restart_and_never_after_it_was_revoked() {
    let directory = tempfile::tempdir().expect("a directory");
    let tokens = open(&directory);
    let local = Principal::local();
    let mut wanted = request("ci", Role::Editor);
    wanted.permissions = vec!["reports.see".to_owned()];
    let new = tokens.create(&wanted, &local, at(0)).expect("a token");
    assert!(
        new.token.starts_with("ob_") && new.token.len() == 46,
        "{new:?}"
    );
    assert!(!format!("{new:?}").contains(&new.token[3..]));
    let stored = std::fs::read(directory.path().join("outboard.db")).expect("the file");
    let secret = new.token.as_bytes();
    assert!(!stored.windows(secret.len()).any(|part| part == secret));

    drop(tokens);
    let tokens = open(&directory);
    let held = tokens.by_secret(&new.token, at(1)).expect("the token");
    let who = held.principal(Via::Token);
    assert_eq!((who.name.as_str(), who.role), ("ci", Some(Role::Editor)));
    assert!(who.may(&Permission::parse("reports.see").expect("a word")));
    assert!(tokens.by_secret(&new.token[1..], at(1)).is_none());
    assert_eq!(tokens.list(), vec![new.info.clone()]);

    let mut gone = held.gone();
    assert!(gone.has_changed().is_ok());
    drop(held);
    tokens.revoke("ci", &local, at(2)).expect("revoked");
    assert!(gone.borrow_and_update().eq(&()) && gone.has_changed().is_err());
    assert!(tokens.by_secret(&new.token, at(2)).is_none());
    assert_eq!(
        kind(tokens.revoke("ci", &local, at(2))),
        AccessErrorKind::NotFound
    );
    assert!(open(&directory).by_secret(&new.token, at(2)).is_none());
}

#[test]
fn a_token_ends_when_it_expires_and_leaves_its_name() {
    let tokens = Tokens::in_memory();
    let local = Principal::local();
    let mut wanted = request("ci", Role::Viewer);
    wanted.expires_in = Some("2d".to_owned());
    let new = tokens.create(&wanted, &local, at(0)).expect("a token");
    let expires = at(0) + SignedDuration::from_hours(48);
    assert_eq!(new.info.expires_at, Some(expires));
    assert!(tokens.by_secret(&new.token, at(48 * 3600 - 1)).is_some());
    assert!(tokens.by_secret(&new.token, expires).is_none());
    assert_eq!(
        kind(tokens.create(&wanted, &local, at(1))),
        AccessErrorKind::Conflict
    );
    let again = tokens
        .create(&wanted, &local, expires)
        .expect("a free name");
    // Of the two with the name the one that can be used goes.
    let revoked = tokens.revoke("ci", &local, expires).expect("revoked");
    assert_eq!(revoked.id, again.info.id);
}

#[test]
fn nobody_gives_away_or_takes_away_more_than_they_have() {
    let tokens = Tokens::in_memory();
    let mut maker = Principal::local();
    maker.role = Some(Role::Operator);
    maker.permissions.insert(Permission::TOKENS_MANAGE);
    let create = |wanted: &TokenRequest| tokens.create(wanted, &maker, at(0));
    assert_eq!(
        kind(create(&request("a", Role::Admin))),
        AccessErrorKind::Forbidden
    );
    let mut wanted = request("b", Role::Viewer);
    wanted.permissions = vec!["audit.read".to_owned()];
    assert_eq!(kind(create(&wanted)), AccessErrorKind::Forbidden);
    wanted.permissions = vec!["tokens.manage".to_owned()];
    create(&wanted).expect("what it has itself");
    tokens
        .create(&request("admin", Role::Admin), &Principal::local(), at(0))
        .expect("an admin's");
    assert_eq!(
        kind(tokens.revoke("admin", &maker, at(0))),
        AccessErrorKind::Forbidden
    );
    tokens.revoke("b", &maker, at(0)).expect("revoked");
}

#[test]
fn the_first_admin_is_made_once_in_the_life_of_a_data_directory() {
    let directory = tempfile::tempdir().expect("a directory");
    let tokens = open(&directory);
    let first = tokens
        .create_first(at(0))
        .expect("a table")
        .expect("a token");
    assert_eq!(
        (first.info.name.as_str(), first.info.role),
        ("first-admin", Role::Admin)
    );
    assert!(tokens.create_first(at(1)).expect("a table").is_none());
    tokens
        .revoke("first-admin", &Principal::local(), at(1))
        .expect("revoked");
    assert!(
        open(&directory)
            .create_first(at(2))
            .expect("a table")
            .is_none()
    );
}

#[test]
fn what_cannot_be_used_in_a_token_is_refused() {
    let tokens = Tokens::in_memory();
    let local = Principal::local();
    let long = "x".repeat(101);
    for name in ["", "  ", "a\nb", "tok_1", long.as_str()] {
        let refused = tokens.create(&request(name, Role::Viewer), &local, at(0));
        assert_eq!(kind(refused), AccessErrorKind::InvalidInput, "{name:?}");
    }
    for life in ["", "0s", "-1d", "soon", "30", "999999999y", "11y", "1mo"] {
        let mut wanted = request("a", Role::Viewer);
        wanted.expires_in = Some(life.to_owned());
        let refused = tokens.create(&wanted, &local, at(0));
        assert_eq!(kind(refused), AccessErrorKind::InvalidInput, "{life:?}");
    }
    let mut wanted = request("a", Role::Viewer);
    wanted.permissions = vec!["Not A Word".to_owned()];
    assert_eq!(
        kind(tokens.create(&wanted, &local, at(0))),
        AccessErrorKind::InvalidInput
    );
    wanted.permissions = vec!["a".to_owned(); 51];
    assert_eq!(
        kind(tokens.create(&wanted, &local, at(0))),
        AccessErrorKind::InvalidInput
    );
    assert!(tokens.list().is_empty());
}

#[test]
fn a_use_is_written_down_once_a_minute() {
    let tokens = Tokens::in_memory();
    let new = tokens
        .create(&request("a", Role::Viewer), &Principal::local(), at(0))
        .expect("a token");
    let held = tokens.by_secret(&new.token, at(0)).expect("the token");
    assert!(held.used(at(0)));
    assert!(!held.used(at(59)));
    assert_eq!(tokens.list()[0].last_used_at, Some(at(59)));
    assert!(held.used(at(60)));
    assert!(held.used(at(10)), "a clock that was set back");
}

#[test]
fn a_row_that_cannot_be_read_lets_nobody_in_and_keeps_nobody_out() {
    let directory = tempfile::tempdir().expect("a directory");
    let tokens = open(&directory);
    let local = Principal::local();
    let good = tokens
        .create(&request("good", Role::Viewer), &local, at(0))
        .expect("a token");
    let bad = tokens
        .create(&request("bad", Role::Viewer), &local, at(0))
        .expect("a token");
    let database = Database::open(&directory.path().join("outboard.db")).expect("the file");
    let spoil = "UPDATE access_tokens SET expires_at = 'never' WHERE name = 'bad'";
    database.connection().execute(spoil, []).expect("a row");
    let tokens = open(&directory);
    assert!(tokens.by_secret(&good.token, at(1)).is_some());
    assert!(tokens.by_secret(&bad.token, at(1)).is_none());
}
