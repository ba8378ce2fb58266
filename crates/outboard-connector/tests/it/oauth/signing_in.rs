//! From the URL for the browser to stored tokens.

use std::{thread, time::Duration};

use outboard_connector::{
    oauth::{self, Callback, Client, Limits, MAX_PENDING, OAuthError, PendingSignIns, Provider},
    state::tokens::StoredIdentity,
};
use outboard_contracts::connector::module::{Module, OAuth};
use serde_json::json;
use url::Url;
use uuid::Uuid;

use super::{
    World, browse,
    server::{self, Fault},
};
use crate::state::nothing;

#[test]
fn a_user_signs_in_on_the_command_line() {
    let world = World::new();
    assert!(matches!(world.token(), Err(OAuthError::NotSignedIn)));
    world.sign_in().unwrap();
    let token = world.token().unwrap();
    assert_eq!(token, "access-token-2");
    let asked = &world.server.authorizations()[0];
    assert_eq!(asked["tenant"], "t");
    assert_eq!(asked["access_type"], "offline");
    assert_eq!(asked["scope"], "read write");
    assert!(asked["redirect_uri"].starts_with("http://127.0.0.1:"));
    assert!(asked["state"].len() >= 43);
    let sign_in = world.state.sign_in(world.instance.id).unwrap().unwrap();
    assert_eq!(sign_in.scopes, "read");
    assert!(sign_in.renewable && sign_in.problem.is_none());
    assert_eq!(sign_in.identity, None);
    let identity = StoredIdentity {
        user_id: "4711".to_owned(),
        display_name: "Ada".to_owned(),
    };
    world
        .state
        .set_identity(world.instance.id, &identity)
        .unwrap();
    let sign_in = world.state.sign_in(world.instance.id).unwrap().unwrap();
    assert_eq!(sign_in.identity, Some(identity));
    // Neither tokens nor the client's secret are in the files.
    for needle in [
        &token,
        "refresh-token-2",
        server::CLIENT_SECRET,
        "code-1-of",
    ] {
        assert!(world.home.files_with(needle).is_empty(), "{needle}");
    }
    // Another user is not the one before.
    world.sign_in().unwrap();
    let sign_in = world.state.sign_in(world.instance.id).unwrap().unwrap();
    assert_eq!(sign_in.identity, None);
    assert!(world.state.sign_out(world.instance.id).unwrap());
    assert!(!world.state.sign_out(world.instance.id).unwrap());
    assert!(matches!(world.token(), Err(OAuthError::NotSignedIn)));
}

#[test]
fn a_service_that_takes_the_secret_in_the_body_alone_is_asked_so_from_then_on() {
    let world = World::new();
    world.server.set(|rules| {
        rules.body_only = true;
        rules.lifetime = Some(json!(30));
    });
    world.sign_in().unwrap();
    assert_eq!(world.server.forms().len(), 2);
    world.token().unwrap();
    let forms = world.server.forms();
    assert_eq!(forms.len(), 3);
    assert_eq!(forms[2]["client_secret"], server::CLIENT_SECRET);
}

#[test]
fn a_user_who_says_no_is_an_answer() {
    let world = World::new();
    world.server.fault(Fault::Deny);
    let error = world.sign_in().unwrap_err();
    assert!(
        matches!(&error, OAuthError::Denied { code, description }
            if code == "access_denied" && description == "the user  said no"),
        "{error:?}"
    );
    assert!(matches!(world.token(), Err(OAuthError::NotSignedIn)));
}

/// A server's way: begin, keep, and finish when the browser comes to its own route.
fn begin(world: &World) -> (Url, oauth::Pending) {
    let provider = Provider::of(&world.module).unwrap();
    let client = world
        .state
        .oauth_client(&world.instance, &world.module, &nothing)
        .unwrap();
    let begun = oauth::begin(&provider, &client, "http://127.0.0.1:1/oauth").unwrap();
    (begun.authorize_url, begun.pending)
}

/// Where the service sends the browser.
fn callback(url: &Url) -> Callback {
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .max_redirects(0)
        .proxy(None)
        .build()
        .into();
    let answer = agent.get(url.as_str()).call().unwrap();
    let location = answer.headers()["location"].to_str().unwrap();
    let query = Url::parse(location).unwrap().query().unwrap().to_owned();
    Callback::parse(&query).unwrap()
}

#[test]
fn a_server_finishes_a_sign_in_on_its_own_route_and_once() {
    let world = World::new();
    let waiting = PendingSignIns::new(Duration::from_secs(60));
    let (url, pending) = begin(&world);
    let shown = format!("{pending:?}");
    let state = url.query_pairs().find(|it| it.0 == "state").unwrap().1;
    assert!(!shown.contains(&*state), "{shown}");
    waiting.insert(world.instance.id, pending).unwrap();
    let callback = callback(&url);
    let (instance, pending) = waiting.take(&callback).unwrap();
    assert_eq!(instance, world.instance.id);
    world.sign_ins.finish(instance, pending, &callback).unwrap();
    world.token().unwrap();
    assert!(matches!(
        waiting.take(&callback),
        Err(OAuthError::StateMismatch)
    ));
    assert!(matches!(
        waiting.take(&Callback::code("code", "unknown")),
        Err(OAuthError::StateMismatch)
    ));
}

#[test]
fn the_answer_to_another_sign_in_is_refused() {
    let world = World::new();
    let (mine, _) = begin(&world);
    let (_, theirs) = begin(&world);
    let callback = callback(&mine);
    let finished = world.sign_ins.finish(world.instance.id, theirs, &callback);
    assert!(matches!(finished, Err(OAuthError::StateMismatch)));
    // The service was not even asked.
    assert!(world.server.forms().is_empty());
}

#[test]
fn a_code_without_its_verifier_is_worth_nothing() {
    let world = World::new();
    let (url, _) = begin(&world);
    let stolen = callback(&url);
    let (other_url, other) = begin(&world);
    let state = other_url
        .query_pairs()
        .find(|it| it.0 == "state")
        .unwrap()
        .1;
    let code = format!("{:?}", stolen);
    assert!(!code.contains("code-1"), "{code}");
    let injected = Callback::code("code-1-of-the-user", &state);
    let error = world
        .sign_ins
        .finish(world.instance.id, other, &injected)
        .unwrap_err();
    assert!(
        matches!(&error, OAuthError::Refused { code, .. } if code == "invalid_grant"),
        "{error:?}"
    );
}

#[test]
fn a_user_who_takes_too_long_begins_again() {
    let world = World::with(Limits {
        sign_in: Duration::ZERO,
        ..Limits::default()
    });
    let (url, pending) = begin(&world);
    let callback = callback(&url);
    let finished = world.sign_ins.finish(world.instance.id, pending, &callback);
    assert!(matches!(finished, Err(OAuthError::Expired { .. })));
    let waiting = PendingSignIns::new(Duration::ZERO);
    let (_, pending) = begin(&world);
    waiting.insert(world.instance.id, pending).unwrap();
    // The first has expired and makes room.
    let (url, pending) = begin(&world);
    waiting.insert(world.instance.id, pending).unwrap();
    assert!(matches!(
        waiting.take(&self::callback(&url)),
        Err(OAuthError::Expired { .. })
    ));
}

#[test]
fn sign_ins_that_are_under_way_have_a_limit() {
    let world = World::new();
    let waiting = PendingSignIns::new(Duration::from_secs(60));
    for _ in 0..MAX_PENDING {
        waiting.insert(Uuid::new_v4(), begin(&world).1).unwrap();
    }
    assert!(matches!(
        waiting.insert(Uuid::new_v4(), begin(&world).1),
        Err(OAuthError::TooManyPending { .. })
    ));
}

#[test]
fn metadata_that_would_send_secrets_astray_is_refused() {
    let module = |authorize: &str, token: &str| Module {
        oauth: Some(OAuth {
            authorize_url: authorize.to_owned(),
            token_url: token.to_owned(),
            ..OAuth::default()
        }),
        ..Module::default()
    };
    let good = "https://id.example/x";
    for bad in [
        "",
        "id.example",
        "http://id.example/token",
        "http://127.0.0.1.example/token",
        "http://localhost.example/token",
        "ftp://id.example/token",
        "file:///etc/passwd",
        "javascript:alert(1)",
        "https://user:hunter2@id.example/token",
        "https://id.example/token#fragment",
    ] {
        for module in [module(good, bad), module(bad, good)] {
            let error = Provider::of(&module).unwrap_err();
            assert!(matches!(error, OAuthError::Url { .. }), "{bad}: {error}");
            assert!(!error.to_string().contains("hunter2"), "{error}");
        }
    }
    for fine in [
        good,
        "http://127.0.0.1:1/t",
        "http://[::1]:1/t",
        "http://localhost/t",
    ] {
        Provider::of(&module(fine, fine)).unwrap();
    }
    let none = Provider::of(&Module::default());
    assert!(matches!(none, Err(OAuthError::NotOffered { .. })));
    for name in ["state", "redirect_uri", "Client_ID", "code_challenge"] {
        let mut module = module(good, good);
        let params = &mut module.oauth.as_mut().unwrap().extra_params;
        params.insert(name.to_owned(), "evil".to_owned());
        let error = Provider::of(&module).unwrap_err();
        assert!(
            matches!(error, OAuthError::ReservedParameter { .. }),
            "{error}"
        );
    }
    let provider = Provider::of(&module(good, good)).unwrap();
    for redirect in ["http://me.example/callback", "", "app://callback"] {
        assert!(matches!(
            oauth::begin(&provider, &Client::public("app"), redirect),
            Err(OAuthError::Url { .. })
        ));
    }
    assert!(matches!(
        oauth::begin(&provider, &Client::public(""), "http://127.0.0.1/"),
        Err(OAuthError::NoClient)
    ));
}

#[test]
fn without_a_client_id_the_field_is_named() {
    let world = World::new();
    world
        .state
        .update_instance(
            world.instance.id,
            &world.module,
            &json!({ "client_id": " " }),
            outboard_connector::state::instances::By::User,
        )
        .unwrap();
    let instance = world.state.instance_by_id(world.instance.id).unwrap();
    let client = world.state.oauth_client(&instance, &world.module, &nothing);
    let error = client.unwrap_err();
    assert!(matches!(error, OAuthError::NoClient), "{error}");
    assert!(error.to_string().contains("client_id"), "{error}");
}

#[test]
fn a_callback_is_read_once_and_exactly() {
    for query in [
        "",
        "code=a",
        "state=s",
        "code=&state=s",
        "code=a&state=",
        "code=a&code=b&state=s",
        "code=a&state=s&state=t",
        "code=a&error=b&state=s",
        &format!("code={}&state=s", "x".repeat(20_000)),
    ] {
        assert!(
            matches!(Callback::parse(query), Err(OAuthError::Callback { .. })),
            "{query}"
        );
    }
    let callback = Callback::parse("state=s%20t&code=a%2Bb&iss=x").unwrap();
    assert_eq!(callback.state(), "s t");
    assert_eq!(callback, Callback::code("a+b", "s t"));
}

#[test]
fn whoever_gives_up_is_let_go() {
    let world = World::new();
    let ended = world.sign_ins.sign_in(
        &world.instance,
        &world.module,
        &nothing,
        &mut |_| {},
        &|| true,
    );
    assert!(matches!(ended, Err(OAuthError::Cancelled)));
    let quick = World::with(Limits {
        sign_in: Duration::from_millis(50),
        ..Limits::default()
    });
    let ended = quick.sign_ins.sign_in(
        &quick.instance,
        &quick.module,
        &nothing,
        &mut |_| {},
        &|| false,
    );
    assert!(matches!(ended, Err(OAuthError::Expired { .. })));
}

#[test]
fn an_answer_with_another_state_is_shown_as_such_and_does_not_end_the_wait() {
    let world = World::new();
    world.server.fault(Fault::WrongState);
    thread::scope(|scope| {
        let signed_in = world.sign_ins.sign_in(
            &world.instance,
            &world.module,
            &nothing,
            &mut |url| {
                let (url, server) = (url.clone(), &world.server);
                scope.spawn(move || {
                    let (status, page) = browse(&url);
                    assert_eq!(status, 403, "{page}");
                    server.fault(Fault::None);
                    let (status, page) = browse(&url);
                    assert_eq!(status, 200, "{page}");
                    assert!(page.contains("go back to the terminal"), "{page}");
                });
            },
            &|| false,
        );
        signed_in.unwrap();
    });
    world.token().unwrap();
}
