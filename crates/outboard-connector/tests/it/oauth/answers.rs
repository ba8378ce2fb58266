//! What services answer when they are not well.

use std::time::{Duration, Instant};

use outboard_connector::oauth::{Limits, OAuthError};

use super::{
    World,
    server::{self, Fault},
};

#[test]
fn every_bad_answer_has_a_kind() {
    type Check = fn(&OAuthError) -> bool;
    let cases: [(Fault, Check, bool); 11] = [
        (
            Fault::Status(500),
            |it| matches!(it, OAuthError::Status { status: 500 }),
            true,
        ),
        (
            Fault::Status(429),
            |it| matches!(it, OAuthError::Status { status: 429 }),
            true,
        ),
        (
            Fault::Status(404),
            |it| matches!(it, OAuthError::Status { status: 404 }),
            false,
        ),
        (
            Fault::Page,
            |it| matches!(it, OAuthError::Malformed { .. }),
            false,
        ),
        (
            Fault::NoToken,
            |it| matches!(it, OAuthError::Malformed { .. }),
            false,
        ),
        (
            Fault::List,
            |it| matches!(it, OAuthError::Malformed { .. }),
            false,
        ),
        (
            Fault::BadToken,
            |it| matches!(it, OAuthError::Malformed { .. }),
            false,
        ),
        (
            Fault::Huge,
            |it| matches!(it, OAuthError::TooLarge { .. }),
            false,
        ),
        (
            Fault::HugeWithoutLength,
            |it| matches!(it, OAuthError::TooLarge { .. }),
            false,
        ),
        (
            Fault::ErrorWithOk,
            |it| matches!(it, OAuthError::Refused { status: 200, code, .. } if code == "bad_verification_code"),
            false,
        ),
        (
            Fault::HangUp,
            |it| matches!(it, OAuthError::Network { .. }),
            true,
        ),
    ];
    let world = World::new();
    for (fault, check, transient) in cases {
        world.server.fault(fault);
        let error = world.sign_in().unwrap_err();
        assert!(check(&error), "{fault:?}: {error:?}");
        assert_eq!(error.is_transient(), transient, "{fault:?}: {error:?}");
        assert!(matches!(world.token(), Err(OAuthError::NotSignedIn)));
    }
}

#[test]
fn redirects_are_not_followed() {
    let world = World::new();
    world.server.fault(Fault::Redirect);
    let error = world.sign_in().unwrap_err();
    assert!(
        matches!(error, OAuthError::Status { status: 307 }),
        "{error:?}"
    );
    assert!(error.to_string().contains("redirect"), "{error}");
    assert_eq!(world.server.forms().len(), 1);
}

#[test]
fn a_slow_service_has_a_deadline() {
    for fault in [Fault::Silent, Fault::Trickle] {
        let world = World::with(Limits {
            request: Duration::from_millis(300),
            ..Limits::default()
        });
        world.server.fault(fault);
        let begun = Instant::now();
        let error = world.sign_in().unwrap_err();
        assert!(
            matches!(error, OAuthError::Timeout { .. }),
            "{fault:?}: {error:?}"
        );
        assert!(
            begun.elapsed() < Duration::from_secs(5),
            "{:?}",
            begun.elapsed()
        );
    }
}

#[test]
fn a_service_that_repeats_secrets_does_not_get_them_into_errors() {
    let world = World::new();
    world.server.fault(Fault::Echo);
    let error = world.sign_in().unwrap_err();
    let text = format!("{error} {error:?}");
    assert!(text.contains("I got"), "{text}");
    for form in world.server.forms() {
        for key in ["code", "code_verifier"] {
            assert!(!text.contains(&form[key]), "{text}");
        }
    }
    // Of the header, the client's id is left: it is no secret.
    let basic = text.split_once("Basic ").unwrap().1;
    let left = basic.split_once("[secret]").unwrap().0;
    assert!(left.len() <= "YXBwKyUyNitjbzpz".len(), "{text}");
    assert!(!text.contains(server::CLIENT_SECRET), "{text}");
    assert!(!error.to_string().contains('\u{1b}'), "{text}");
    assert!(error.to_string().len() < 600, "{text}");
}

#[test]
fn a_service_that_is_not_there_is_a_network_error() {
    let mut world = World::new();
    let closed = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = closed.local_addr().unwrap();
    drop(closed);
    world.module.oauth.as_mut().unwrap().token_url = format!("http://{address}/token");
    let error = world.sign_in().unwrap_err();
    assert!(matches!(error, OAuthError::Network { .. }), "{error:?}");
    assert!(error.is_transient());
}

#[test]
fn a_wrong_client_secret_is_named_by_its_code() {
    let world = World::new();
    world
        .state
        .update_instance(
            world.instance.id,
            &world.module,
            &serde_json::json!({ "client_secret": "another-secret" }),
            outboard_connector::state::instances::By::User,
        )
        .unwrap();
    let mut world = world;
    world.instance = world.state.instance_by_id(world.instance.id).unwrap();
    let error = world.sign_in().unwrap_err();
    assert!(
        matches!(&error, OAuthError::Refused { status: 401, code, .. } if code == "invalid_client"),
        "{error:?}"
    );
    // One try for each way to send it.
    assert_eq!(world.server.forms().len(), 2);
}
