//! Renewing tokens: in time, once, and with a service that fails.

use std::{
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use outboard_connector::{
    oauth::{Limits, OAuthError, Provider, SignIns},
    state::State,
};
use serde_json::json;

use super::{World, server::Fault};
use crate::state::nothing;

#[test]
fn a_token_that_lives_for_long_is_not_renewed() {
    for lifetime in [
        Some(json!(3600)),
        Some(json!("3600")),
        Some(json!(1e99)),
        None,
    ] {
        let world = World::new();
        world.server.set(|rules| rules.lifetime = lifetime);
        world.sign_in().unwrap();
        for _ in 0..3 {
            assert_eq!(world.token().unwrap(), "access-token-2");
        }
        assert_eq!(world.server.renewals(), 0);
    }
}

#[test]
fn a_token_is_renewed_a_minute_before_its_end_and_the_new_refresh_token_kept() {
    let world = World::new();
    world.server.set(|rules| rules.lifetime = Some(json!(59)));
    world.sign_in().unwrap();
    for number in 3..8 {
        assert_eq!(world.token().unwrap(), format!("access-token-{number}"));
    }
    // Each refresh token was used once, or the server would have taken it for theft.
    assert_eq!(world.server.renewals(), 5);
    world.server.set(|rules| rules.lifetime = Some(json!(3600)));
    assert_eq!(world.token().unwrap(), "access-token-8");
    assert_eq!(world.token().unwrap(), "access-token-8");
    assert!(world.home.files_with("access-token-").is_empty());
    assert!(world.home.files_with("refresh-token-").is_empty());
}

#[test]
fn a_refresh_token_that_does_not_change_is_kept() {
    let world = World::new();
    world.server.set(|rules| {
        rules.rotating = false;
        rules.lifetime = Some(json!(0));
    });
    world.sign_in().unwrap();
    for _ in 0..3 {
        world.token().unwrap();
    }
    assert_eq!(world.server.renewals(), 3);
}

#[test]
fn many_who_need_a_token_at_once_get_one_renewal() {
    let world = World::new();
    world.server.set(|rules| {
        rules.lifetime = Some(json!(0));
    });
    world.sign_in().unwrap();
    world.server.set(|rules| {
        rules.held = true;
        rules.lifetime = Some(json!(3600));
    });
    thread::scope(|scope| {
        let threads: Vec<_> = (0..16).map(|_| scope.spawn(|| world.token())).collect();
        let begun = Instant::now();
        while world.server.renewals() == 0 {
            assert!(begun.elapsed() < Duration::from_secs(20));
            thread::yield_now();
        }
        world.server.set(|rules| rules.held = false);
        for thread in threads {
            assert_eq!(thread.join().unwrap().unwrap(), "access-token-3");
        }
    });
    assert_eq!(world.server.renewals(), 1);
}

#[test]
fn while_one_renews_the_others_go_on_with_a_token_that_is_still_good() {
    let world = World::new();
    world.server.set(|rules| rules.lifetime = Some(json!(59)));
    world.sign_in().unwrap();
    world.server.set(|rules| rules.held = true);
    thread::scope(|scope| {
        let renewing = scope.spawn(|| world.token());
        let begun = Instant::now();
        while world.server.renewals() == 0 {
            assert!(begun.elapsed() < Duration::from_secs(20));
            thread::yield_now();
        }
        assert_eq!(world.token().unwrap(), "access-token-2");
        assert!(!renewing.is_finished());
        world.server.set(|rules| rules.held = false);
        assert_eq!(renewing.join().unwrap().unwrap(), "access-token-3");
    });
}

#[test]
fn two_that_share_the_file_do_not_use_a_refresh_token_twice() {
    let world = World::new();
    world.server.set(|rules| rules.lifetime = Some(json!(0)));
    world.sign_in().unwrap();
    world.server.set(|rules| {
        rules.held = true;
        rules.lifetime = Some(json!(3600));
    });
    // As another process has it: nothing in common but the file.
    let state = Arc::new(State::open(&world.home.path(), world.home.secrets.clone()).unwrap());
    let other = SignIns::new(state.clone(), *world.sign_ins.endpoint().limits());
    let provider = Provider::of(&world.module).unwrap();
    let client = state
        .oauth_client(&world.instance, &world.module, &nothing)
        .unwrap();
    thread::scope(|scope| {
        let first = scope.spawn(|| world.token());
        let begun = Instant::now();
        while world.server.renewals() == 0 {
            assert!(begun.elapsed() < Duration::from_secs(20));
            thread::yield_now();
        }
        let second = scope.spawn(|| other.access_token(world.instance.id, &provider, &client));
        world.server.set(|rules| rules.held = false);
        assert_eq!(first.join().unwrap().unwrap(), "access-token-3");
        let second = second.join().unwrap().unwrap();
        assert_eq!(second.expose(), "access-token-3");
    });
    assert_eq!(world.server.renewals(), 1);
}

#[test]
fn a_refresh_token_that_is_good_no_more_asks_for_the_user_and_is_not_tried_again() {
    let world = World::new();
    world.server.set(|rules| rules.lifetime = Some(json!(0)));
    world.sign_in().unwrap();
    world.server.revoke();
    for _ in 0..3 {
        let error = world.token().unwrap_err();
        assert!(
            matches!(&error, OAuthError::SignInAgain { reason } if reason.contains("good no more")),
            "{error:?}"
        );
        assert!(error.needs_sign_in());
    }
    assert_eq!(world.server.renewals(), 1);
    let sign_in = world.state.sign_in(world.instance.id).unwrap().unwrap();
    assert!(sign_in.problem.unwrap().contains("invalid_grant"));
    world.server.set(|rules| rules.lifetime = Some(json!(3600)));
    world.sign_in().unwrap();
    world.token().unwrap();
    let sign_in = world.state.sign_in(world.instance.id).unwrap().unwrap();
    assert_eq!(sign_in.problem, None);
}

#[test]
fn without_a_refresh_token_the_user_is_asked_when_the_token_has_ended() {
    let world = World::new();
    world.server.set(|rules| {
        rules.refreshable = false;
        rules.lifetime = Some(json!(59));
    });
    world.sign_in().unwrap();
    // Near its end, and good.
    assert_eq!(world.token().unwrap(), "access-token-2");
    world.server.set(|rules| rules.lifetime = Some(json!(-5)));
    world.sign_in().unwrap();
    assert!(world.token().unwrap_err().needs_sign_in());
    assert_eq!(world.server.renewals(), 0);
}

#[test]
fn a_service_that_is_down_costs_nothing_while_the_token_is_good() {
    let world = World::new();
    world.server.set(|rules| rules.lifetime = Some(json!(59)));
    world.sign_in().unwrap();
    world.server.fault(Fault::Status(503));
    for _ in 0..5 {
        assert_eq!(world.token().unwrap(), "access-token-2");
    }
    // After the first failure it is left alone for a while.
    assert_eq!(world.server.renewals(), 1);
}

#[test]
fn a_service_that_is_down_is_an_error_once_the_token_has_ended_and_heals() {
    let world = World::new();
    world.server.set(|rules| rules.lifetime = Some(json!(0)));
    world.sign_in().unwrap();
    world.server.fault(Fault::Status(503));
    let error = world.token().unwrap_err();
    assert!(
        matches!(error, OAuthError::Status { status: 503 }),
        "{error:?}"
    );
    world.server.fault(Fault::None);
    assert_eq!(world.token().unwrap(), "access-token-3");
}

#[test]
fn those_who_wait_share_a_failure() {
    let world = World::with(Limits {
        request: Duration::from_secs(2),
        ..Limits::default()
    });
    world.server.set(|rules| rules.lifetime = Some(json!(0)));
    world.sign_in().unwrap();
    world.server.fault(Fault::Silent);
    let begun = Instant::now();
    thread::scope(|scope| {
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(|| world.token())).collect();
        for thread in threads {
            let error = thread.join().unwrap().unwrap_err();
            assert!(matches!(error, OAuthError::Timeout { .. }), "{error:?}");
        }
    });
    // One after the other would take 16 s.
    assert!(
        begun.elapsed() < Duration::from_secs(10),
        "{:?}",
        begun.elapsed()
    );
}

#[test]
fn a_token_that_the_service_rejects_is_renewed_once() {
    let world = World::new();
    world.sign_in().unwrap();
    let provider = Provider::of(&world.module).unwrap();
    let client = world
        .state
        .oauth_client(&world.instance, &world.module, &nothing)
        .unwrap();
    let rejected = "access-token-2".into();
    for _ in 0..3 {
        let token = world
            .sign_ins
            .renewed_token(world.instance.id, &provider, &client, &rejected)
            .unwrap();
        assert_eq!(token.expose(), "access-token-3");
    }
    assert_eq!(world.server.renewals(), 1);
}

#[test]
fn whoever_signs_in_during_a_renewal_stays_signed_in() {
    let world = World::new();
    world.server.set(|rules| rules.lifetime = Some(json!(0)));
    world.sign_in().unwrap();
    world.server.set(|rules| {
        rules.held = true;
        rules.lifetime = Some(json!(3600));
    });
    thread::scope(|scope| {
        let renewing = scope.spawn(|| world.token());
        let begun = Instant::now();
        while world.server.renewals() == 0 {
            assert!(begun.elapsed() < Duration::from_secs(20));
            thread::yield_now();
        }
        world.sign_in().unwrap();
        let token = world.token().unwrap();
        assert_eq!(token, "access-token-4");
        world.server.set(|rules| rules.held = false);
        // The renewal of the former tokens comes to nothing.
        assert_eq!(renewing.join().unwrap().unwrap(), token);
    });
    assert_eq!(world.token().unwrap(), "access-token-4");
}

#[test]
fn a_claim_of_a_process_that_died_ends() {
    let limits = Limits {
        request: Duration::from_millis(500),
        ..Limits::default()
    };
    let world = World::with(limits);
    world.server.set(|rules| rules.lifetime = Some(json!(0)));
    world.sign_in().unwrap();
    let until = (jiff::Timestamp::now() + Duration::from_millis(700)).as_millisecond();
    rusqlite::Connection::open(world.home.path())
        .unwrap()
        .execute(
            "UPDATE tokens SET claim = 'dead', claimed_until = ?1",
            [until],
        )
        .unwrap();
    assert_eq!(world.token().unwrap(), "access-token-3");
    assert!(jiff::Timestamp::now().as_millisecond() >= until);
}
