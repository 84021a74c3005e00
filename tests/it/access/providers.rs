//! Tokens of an identity provider, which publishes its keys and changes them.

use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use order_fleet::access::TokenRules;
use order_fleet::intake::http::{Guard, Identity};
use order_fleet::ports::identity::Issuer;
use order_fleet::stand_ins::{IdentityProvider, KeyKind, Misbehaviour};
use serde_json::{Value, json};

use super::now;
use crate::support::{Api, TestDatabase, answer};

async fn behind(provider: &IdentityProvider) -> (TestDatabase, Api) {
    let database = TestDatabase::create().await;
    let rules = TokenRules {
        audience: Some("order-fleet".to_owned()),
        issuer: Some("https://login.shop.example".to_owned()),
        role_claim: "realm_access.roles".to_owned(),
        ..TokenRules::default()
    };
    let issuer = Issuer::new(&provider.jwks_url()).expect("an address");
    let guard = Guard { identity: Identity::required(rules, None, Some(issuer)), ..Guard::open() };
    let api = Api::start_guarded(guard, database.pool.clone()).await;
    (database, api)
}

fn claims() -> Value {
    json!({
        "sub": "anna", "aud": ["order-fleet", "account"], "iss": "https://login.shop.example", "exp": now() + 600,
        "realm_access": {"roles": ["offline_access", "operator"]}
    })
}

/// Status and detail of asking for orders with this token.
async fn ask(api: &Api, token: &str) -> (u16, String) {
    let (status, body) = answer(api.get("/api/v1/orders").bearer_auth(token)).await;
    (status, body["detail"].as_str().unwrap_or_default().to_owned())
}

#[tokio::test]
async fn keys_of_every_kind_verify_tokens_and_are_fetched_once() {
    let provider = IdentityProvider::start().await;
    for (kind, id) in [(KeyKind::Rsa, "rsa"), (KeyKind::P256, "p256"), (KeyKind::Ed25519, "ed25519")] {
        provider.add(kind, Some(id));
    }
    let (_database, api) = behind(&provider).await;
    assert_eq!(ask(&api, &provider.sign(&claims())).await.0, 200);
    provider.withdraw_all();
    for kind in [KeyKind::Rsa, KeyKind::P256, KeyKind::Ed25519] {
        // alone, so that a token without a key id means it
        let provider = IdentityProvider::start().await;
        provider.add(kind, None);
        let (_database, api) = behind(&provider).await;
        for number in 0..3 {
            let mut claims = claims();
            claims["jti"] = json!(number);
            assert_eq!(ask(&api, &provider.sign(&claims)).await.0, 200, "{kind:?}");
        }
        assert_eq!(provider.asked(), 1, "{kind:?}");
    }
}

#[tokio::test]
async fn a_new_key_is_noticed_by_the_first_token_that_is_signed_with_it() {
    let provider = IdentityProvider::start().await;
    provider.add(KeyKind::P256, Some("old"));
    let (_database, api) = behind(&provider).await;
    let old = provider.sign(&claims());
    provider.add(KeyKind::Ed25519, Some("new"));
    let new = provider.sign(&claims());
    // the first fetch sees both
    assert_eq!(ask(&api, &new).await.0, 200);
    assert_eq!(ask(&api, &old).await.0, 200);
    assert_eq!(provider.asked(), 1);
    provider.withdraw_all();
    provider.add(KeyKind::P256, Some("newest"));
    let newest = provider.sign(&claims());
    // whoever invents key names does not make us ask again and again
    let (status, detail) = ask(&api, &newest).await;
    assert_eq!((status, detail.as_str()), (401, "the token is signed with a key that is not known"));
    assert_eq!(provider.asked(), 1);
    crate::support::eventually("the new key is known", async || (ask(&api, &newest).await.0 == 200).then_some(()))
        .await;
    assert_eq!(provider.asked(), 2);
    // with the same id and another key
    let foreign = IdentityProvider::start().await;
    foreign.add(KeyKind::P256, Some("newest"));
    let (status, detail) = ask(&api, &foreign.sign(&claims())).await;
    assert_eq!((status, detail.as_str()), (401, "the token's signature is wrong"));
}

#[tokio::test]
async fn a_public_key_is_no_secret_to_sign_with() {
    let provider = IdentityProvider::start().await;
    provider.add(KeyKind::Rsa, Some("rsa"));
    let (_database, api) = behind(&provider).await;
    assert_eq!(ask(&api, &provider.sign(&claims())).await.0, 200);
    let public = provider.public_pem();
    for kid in [Some("rsa".to_owned()), None] {
        let header = Header { kid, ..Header::new(Algorithm::HS256) };
        let forged = encode(&header, &claims(), &EncodingKey::from_secret(public.as_bytes())).expect("a token");
        let (status, detail) = ask(&api, &forged).await;
        assert_eq!((status, detail.as_str()), (401, "the token's algorithm is not accepted"));
    }
}

#[tokio::test]
async fn audience_and_issuer_must_be_ours() {
    let provider = IdentityProvider::start().await;
    provider.add(KeyKind::Ed25519, Some("ed"));
    let (_database, api) = behind(&provider).await;
    for (claim, value, detail) in [
        ("aud", json!("account"), "the token is for another audience"),
        ("iss", json!("https://login.evil.example"), "the token is from another issuer"),
        ("exp", json!(now() - 60), "the token has expired"),
        ("nbf", json!(now() + 600), "the token is not valid yet"),
        (
            "realm_access",
            json!({"roles": ["offline_access"]}),
            "the token's claim realm_access.roles is missing or not acceptable",
        ),
    ] {
        let mut claims = claims();
        claims[claim] = value;
        let (status, found) = ask(&api, &provider.sign(&claims)).await;
        assert_eq!((status, found.as_str()), (401, detail));
    }
    // clocks differ
    for (claim, value) in [("exp", now() - 10), ("nbf", now() + 10)] {
        let mut claims = claims();
        claims[claim] = json!(value);
        assert_eq!(ask(&api, &provider.sign(&claims)).await.0, 200, "{claim}");
    }
}

#[tokio::test]
async fn while_the_provider_is_away_known_keys_stay_and_nobody_else_is_judged() {
    let provider = IdentityProvider::start().await;
    provider.add(KeyKind::P256, Some("first"));
    let first = provider.sign(&claims());
    provider.misbehave(Some(Misbehaviour::status(500, "sorry")));
    let (_database, api) = behind(&provider).await;
    let response = api.get("/api/v1/orders").bearer_auth(&first).send().await.expect("an answer");
    assert_eq!(response.status(), 503);
    assert!(response.headers().contains_key("retry-after"));
    provider.misbehave(None);
    crate::support::eventually("the provider is asked again", async || {
        (ask(&api, &first).await.0 == 200).then_some(())
    })
    .await;
    provider.misbehave(Some(Misbehaviour::status(200, "no keys here")));
    let mut other = claims();
    other["sub"] = json!("bert");
    assert_eq!(ask(&api, &provider.sign(&other)).await.0, 200);
}
