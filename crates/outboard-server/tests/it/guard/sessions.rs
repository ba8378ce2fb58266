//! Browsers: how they sign in, what keeps other sites from using that, and how it ends.

use serde_json::{Value, json};

use super::{Guarded, form_post, json_post, problem, sign_in};
use crate::support::TOKEN;

#[tokio::test]
async fn a_page_leads_to_the_sign_in_and_the_sign_in_back_to_the_page() {
    let guarded = Guarded::start().await;
    let token = guarded
        .token(&json!({ "name": "ann", "role": "viewer" }))
        .await;
    let page = guarded.stranger().with("accept", "text/html");
    let answer = page.get("/ui/plugins?q=a%20b&x=1").await;
    assert_eq!(answer.status, 303, "{answer:?}");
    let to = answer.header("location").unwrap();
    assert_eq!(to, "/ui/sign-in?next=/ui/plugins%3Fq%3Da%2520b%26x%3D1");

    let form = page.get(to).await;
    assert_eq!(form.status, 200, "{form:?}");
    assert!(
        form.body.contains(r#"value="/ui/plugins?q=a%20b&#38;x=1""#),
        "{form:?}"
    );
    let policy = form.header("content-security-policy").unwrap();
    assert!(policy.contains("form-action 'self'"), "{policy}");
    assert!(!form.body.contains("data-live"), "nothing to follow yet");

    let next = "/ui/plugins%3Fq%3Da%2520b%26x%3D1";
    let answer = sign_in(&page, &token, next).await;
    assert_eq!(answer.status, 303, "{answer:?}");
    assert_eq!(answer.header("location"), Some("/ui/plugins?q=a%20b&x=1"));
    let cookie = answer.header("set-cookie").unwrap();
    for part in ["; HttpOnly", "; SameSite=Strict", "; Path=/"] {
        assert!(cookie.contains(part), "{cookie}");
    }
    assert!(!cookie.contains("Secure"), "no TLS here: {cookie}");

    let browser = guarded.browser_of(&answer).await;
    let me = browser.client.get("/api/v1/me").await.json();
    assert_eq!(
        (&me["name"], &me["via"]),
        (&json!("ann"), &json!("session"))
    );
    let again = browser.client.get("/ui/sign-in?next=/ui/runs").await;
    assert_eq!(
        again.header("location"),
        Some("/ui/runs"),
        "signed in already"
    );
    let log = guarded.audit().await.join("\n");
    assert!(log.contains("ann session sign_in  303"), "{log}");
    guarded.stop().await;
}

#[tokio::test]
async fn nobody_is_led_to_another_site_by_the_sign_in() {
    let guarded = Guarded::start().await;
    for next in [
        "https%3A%2F%2Fevil.example%2Fui%2F",
        "%2F%2Fevil.example",
        "%2Fui%2F%2Fevil.example",
        "%2F%5Cevil.example",
        "%2Fui%2F%5Cevil.example",
        "%2Fui%2F..%2F..%2Fevil",
        "%2Fui%2F%0D%0Aset-cookie%3Aa%3Db",
        "javascript%3Aalert(1)",
        "%2Fui%2Fsign-out",
    ] {
        let answer = sign_in(&guarded.stranger(), TOKEN, next).await;
        assert_eq!(answer.header("location"), Some("/ui/"), "{next}");
        let form = guarded
            .stranger()
            .get(&format!("/ui/sign-in?next={next}"))
            .await;
        assert!(
            form.body.contains(r#"name="next" value="/ui/""#),
            "{form:?}"
        );
    }
    guarded.stop().await;
}

#[tokio::test]
async fn a_wrong_token_gets_the_form_again_and_a_line_in_the_log() {
    let guarded = Guarded::start().await;
    let page = guarded.stranger().with("accept", "text/html");
    let answer = sign_in(&page, "ob_wrong", "/ui/runs").await;
    assert_eq!(answer.status, 401);
    assert!(answer.body.contains("Not signed in"), "{answer:?}");
    assert!(!answer.body.contains("ob_wrong"), "{answer:?}");
    assert!(answer.body.contains(r#"value="/ui/runs""#), "{answer:?}");
    assert_eq!(answer.header("set-cookie"), None);
    assert_eq!(sign_in(&page, "", "/ui/").await.status, 400);
    let no_form = page.post("/ui/sign-in", "token=x").await;
    assert_eq!(no_form.status, 400);
    let log = guarded.audit().await.join("\n");
    assert!(
        log.contains("anonymous anonymous sign_in_failed  401"),
        "{log}"
    );
    assert!(!log.contains("ob_wrong"), "{log}");
    guarded.stop().await;
}

#[tokio::test]
async fn a_session_changes_nothing_without_the_csrf_token_of_its_own_pages() {
    let guarded = Guarded::start().await;
    let admin = guarded
        .token(&json!({ "name": "ann", "role": "admin" }))
        .await;
    let browser = guarded.browser(&admin).await;
    let other = guarded.browser(&admin).await;
    assert_ne!(browser.csrf, other.csrf);
    let wanted = |name: &str| json!({ "name": name, "role": "viewer" });
    let refused = (403, "csrf".to_owned());

    let answer = json_post(&browser.client, "/api/v1/tokens", &wanted("a")).await;
    assert_eq!(problem(&answer), refused, "no CSRF token");
    for wrong in ["", "x", other.csrf.as_str()] {
        let client = browser.client.with("x-csrf-token", wrong);
        let answer = json_post(&client, "/api/v1/tokens", &wanted("a")).await;
        assert_eq!(problem(&answer), refused, "{wrong}");
        let form = format!("csrf={wrong}");
        let answer = form_post(&browser.client, "/ui/sign-out", &form).await;
        assert_eq!(problem(&answer), refused, "{wrong}");
    }
    let hidden = format!("a=csrf={}&b=1", browser.csrf);
    let answer = form_post(&browser.client, "/ui/sign-out", &hidden).await;
    assert_eq!(problem(&answer), refused);
    let huge = format!("a={}&csrf={}", "x".repeat(1024 * 1024), browser.csrf);
    let answer = form_post(&browser.client, "/ui/sign-out", &huge).await;
    assert_eq!(problem(&answer), (413, "too_large".to_owned()));

    let client = browser.client.with("x-csrf-token", &browser.csrf);
    let answer = json_post(&client, "/api/v1/tokens", &wanted("a")).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    let refusals = guarded.audit().await;
    let refusals = refusals
        .iter()
        .filter(|line| line.starts_with("ann session") && line.ends_with("403"));
    assert_eq!(refusals.count(), 8);

    // A field of a form is as good, and the route still gets the form.
    let form = format!("csrf={}", browser.csrf);
    let out = form_post(&browser.client, "/ui/sign-out", &form).await;
    assert_eq!(
        (out.status.as_u16(), out.header("location")),
        (303, Some("/ui/sign-in"))
    );
    assert!(out.header("set-cookie").unwrap().contains("Max-Age=0"));
    assert_eq!(browser.client.get("/api/v1/me").await.status, 401);
    assert_eq!(
        other.client.get("/api/v1/me").await.status,
        200,
        "the other stays"
    );
    guarded.stop().await;
}

#[tokio::test]
async fn a_bearer_token_needs_no_csrf_token_and_goes_before_a_cookie() {
    let guarded = Guarded::start().await;
    let admin = guarded
        .token(&json!({ "name": "ann", "role": "admin" }))
        .await;
    let browser = guarded.browser(&admin).await;
    let both = browser
        .client
        .with("authorization", &format!("Bearer {TOKEN}"));
    let wanted = json!({ "name": "a", "role": "viewer" });
    assert_eq!(
        json_post(&both, "/api/v1/tokens", &wanted).await.status,
        201
    );
    let wrong = browser.client.with("authorization", "Bearer wrong");
    assert_eq!(wrong.get("/api/v1/me").await.status, 401);
    guarded.stop().await;
}

#[tokio::test]
async fn a_session_lasts_over_a_restart_and_ends_after_twelve_hours_or_with_its_token() {
    let guarded = Guarded::start().await;
    let ann = guarded
        .token(&json!({ "name": "ann", "role": "viewer" }))
        .await;
    let bob = guarded
        .token(&json!({ "name": "bob", "role": "viewer" }))
        .await;
    let (of_ann, of_bob) = (guarded.browser(&ann).await, guarded.browser(&bob).await);
    let guarded = guarded.restart().await;
    let here = |old: &super::Browser| {
        let cookie = old
            .client
            .headers
            .iter()
            .find(|(name, _)| *name == "cookie");
        guarded.stranger().with("cookie", &cookie.unwrap().1)
    };
    let (of_ann, of_bob) = (here(&of_ann), here(&of_bob));
    assert_eq!(of_ann.get("/api/v1/me").await.json()["name"], "ann");
    guarded
        .local()
        .send("DELETE", "/api/v1/tokens/ann", "")
        .await;
    assert_eq!(of_ann.get("/api/v1/me").await.status, 401);
    let page = of_ann.with("accept", "text/html").get("/ui/").await;
    assert_eq!(page.header("location"), Some("/ui/sign-in"));
    guarded.pass(12 * 3600 - 1);
    assert_eq!(of_bob.get("/api/v1/me").await.status, 200);
    guarded.pass(1);
    assert_eq!(of_bob.get("/api/v1/me").await.status, 401);
    guarded.stop().await;
}

async fn link(client: &crate::client::Client) -> Value {
    let answer = client.post("/api/v1/sign-in-links", "").await;
    assert_eq!(answer.status, 201, "{answer:?}");
    answer.json()
}

fn path(link: &Value) -> String {
    let url: http::Uri = link["url"].as_str().unwrap().parse().unwrap();
    url.path().to_owned()
}

#[tokio::test]
async fn a_one_time_link_signs_in_once_within_two_minutes_as_whoever_made_it() {
    let guarded = Guarded::start().await;
    let made = link(guarded.local()).await;
    let url = made["url"].as_str().unwrap();
    let address = guarded.local().address;
    assert!(
        url.starts_with(&format!("http://{address}/ui/sign-in/")),
        "{url}"
    );
    assert!(made["expires_at"].is_string());
    let stranger = guarded.stranger().with("accept", "text/html");
    let looked = stranger.send("HEAD", &path(&made), "").await;
    assert_eq!(
        looked.header("set-cookie"),
        None,
        "a look does not use it up"
    );
    let answer = stranger.get(&path(&made)).await;
    assert_eq!(
        (answer.status.as_u16(), answer.header("location")),
        (303, Some("/ui/"))
    );
    let browser = guarded.browser_of(&answer).await;
    let me = browser.client.get("/api/v1/me").await.json();
    assert_eq!((&me["id"], &me["role"]), (&json!("local"), &json!("admin")));

    let again = stranger.get(&path(&made)).await;
    assert_eq!(again.status, 401);
    assert!(again.body.contains("used already"), "{again:?}");
    let late = link(guarded.local()).await;
    guarded.pass(120);
    assert_eq!(stranger.get(&path(&late)).await.status, 401);
    assert_eq!(stranger.get("/ui/sign-in/no-such-code").await.status, 401);

    let viewer = guarded.with_role("viewer").await;
    let of_viewer = link(&viewer).await;
    let revoked = link(&viewer).await;
    let browser = guarded
        .browser_of(&stranger.get(&path(&of_viewer)).await)
        .await;
    let me = browser.client.get("/api/v1/me").await.json();
    assert_eq!(me["role"], "viewer", "no more than whoever made it");
    guarded
        .local()
        .send("DELETE", "/api/v1/tokens/viewer", "")
        .await;
    assert_eq!(stranger.get(&path(&revoked)).await.status, 401);
    let code = path(&of_viewer);
    let code = code.rsplit('/').next().unwrap();
    let log = guarded.local().get("/api/v1/audit").await.body;
    assert!(log.contains("sign_in_link") && !log.contains(code), "{log}");
    guarded.stop().await;
}

#[tokio::test]
async fn a_link_of_another_site_leads_to_a_page_but_signs_nobody_in() {
    let guarded = Guarded::start().await;
    let token = guarded
        .token(&json!({ "name": "ann", "role": "viewer" }))
        .await;
    let _browser = guarded.browser(&token).await;
    let followed = guarded
        .stranger()
        .with("accept", "text/html")
        .with("sec-fetch-site", "cross-site")
        .with("sec-fetch-mode", "navigate")
        .with("sec-fetch-dest", "document");
    // Browsers leave the cookie out; from a page of ours they send it.
    let answer = followed.get("/ui/plugins?q=a").await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.header("refresh"), Some("0; url=/ui/plugins?q=a"));
    let made = link(guarded.local()).await;
    let answer = followed.get(&path(&made)).await;
    assert_eq!(answer.status, 403, "{answer:?}");
    assert_eq!(
        guarded.stranger().get(&path(&made)).await.status,
        303,
        "it is unused"
    );
    guarded.stop().await;
}

#[tokio::test]
async fn scripts_of_a_page_whose_session_has_ended_are_led_to_the_sign_in() {
    let guarded = Guarded::start().await;
    let script = guarded.stranger().with("hx-request", "true");
    let on = script.with("hx-current-url", "http://localhost/ui/runs?status=failed");
    let answer = on.get("/ui/plugins").await;
    assert_eq!(answer.status, 401);
    let to = "/ui/sign-in?next=/ui/runs%3Fstatus%3Dfailed";
    assert_eq!(answer.header("hx-redirect"), Some(to));
    let events = guarded.stranger().with("accept", "text/event-stream");
    assert_eq!(
        problem(&events.get("/ui/live").await),
        (401, "unauthorized".to_owned())
    );
    guarded.stop().await;
}

#[tokio::test]
async fn a_page_that_may_not_be_seen_says_so_and_names_what_is_missing() {
    let guarded = Guarded::start().await;
    let token = guarded
        .token(&json!({ "name": "ann", "role": "viewer" }))
        .await;
    let browser = guarded.browser(&token).await;
    let page = browser.client.with("accept", "text/html");
    let answer = page.get("/ui/settings/tokens").await;
    assert_eq!(answer.status, 403);
    assert_eq!(
        answer.header("content-type"),
        Some("text/html; charset=utf-8")
    );
    assert!(answer.body.contains("tokens.manage"), "{answer:?}");
    assert!(
        answer.body.contains("Sign out"),
        "as whoever looks: {answer:?}"
    );
    guarded.stop().await;
}
