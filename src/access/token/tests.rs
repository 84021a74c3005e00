//! Tokens that prove something, and all the ways in which one does not.

use jsonwebtoken::Algorithm;
use serde_json::json;

use super::*;
use crate::access::Trust;

const SECRET: &str = "a secret for tests: as long as a hash";
const NOW: u64 = 4_000_000_000;

fn key(secret: &str) -> VerifyingKey {
    VerifyingKey::secret(secret).expect("long enough")
}

/// Signed with the secret, whatever it says.
fn signed(claims: &Value) -> String {
    encode(&Header::new(Algorithm::HS256), claims, &EncodingKey::from_secret(SECRET.as_bytes())).expect("a token")
}

fn judge(token: &str, rules: &TokenRules) -> Result<Actor, TokenError> {
    verify(token, &[key(SECRET)], rules).map(|proof| proof.actor)
}

fn claims() -> Value {
    json!({"sub": "anna", "role": "operator", "exp": NOW})
}

/// The claims with one of them changed, or without it.
fn with(name: &str, value: Option<Value>) -> Value {
    let mut claims = claims();
    match value {
        Some(value) => claims[name] = value,
        None => drop(claims.as_object_mut().expect("claims").remove(name)),
    }
    claims
}

#[test]
fn a_minted_token_proves_what_it_was_minted_for() {
    let rules = TokenRules {
        audience: Some("order-fleet".to_owned()),
        issuer: Some("https://login.shop.example".to_owned()),
        ..TokenRules::default()
    };
    let customer = CustomerId::parse("cust-7").expect("valid");
    let mut grant = Grant {
        subject: "eve@shop.example".to_owned(),
        role: Role::Customer,
        customer_id: Some(customer.clone()),
        issued_at: NOW,
        lifetime_seconds: 60,
    };
    let proof = verify(&mint(SECRET, &grant, &rules).expect("minted"), &[key(SECRET)], &rules).expect("accepted");
    assert_eq!(proof.actor, Actor::person("eve@shop.example", Trust::Customer(customer)));
    assert_eq!(proof.valid_until, NOW + 60 + 30);
    grant.customer_id = None;
    grant.subject = "two words".to_owned();
    assert_eq!(mint(SECRET, &grant, &rules), Err(TokenError::Claim("customer_id".to_owned())));
}

#[test]
fn roles_are_found_by_name_or_path_and_the_highest_counts() {
    let at = |claim: &str| TokenRules { role_claim: claim.to_owned(), ..TokenRules::default() };
    let nested = json!({"sub": "a", "exp": NOW, "realm_access": {"roles": ["offline", "operator", "admin"]}});
    assert_eq!(judge(&signed(&nested), &at("realm_access.roles")), Ok(Actor::person("a", Trust::Admin)));
    let spaced = json!({"sub": "a", "exp": NOW, "https://shop.example/role": "operator"});
    assert_eq!(judge(&signed(&spaced), &at("https://shop.example/role")), Ok(Actor::person("a", Trust::Operator)));
}

#[test]
fn a_token_that_breaks_a_rule_proves_nothing() {
    let claim = |name: &str| TokenError::Claim(name.to_owned());
    let rules = TokenRules::default();
    let long_ago = 1_000_000_000_u64;
    for (claims, error) in [
        (with("exp", Some(json!(long_ago))), TokenError::Expired),
        (with("exp", None), claim("exp")),
        (with("exp", Some(json!("never"))), claim("exp")),
        (with("nbf", Some(json!(NOW))), TokenError::NotYetValid),
        (with("sub", None), claim("sub")),
        (with("sub", Some(json!(""))), claim("sub")),
        (with("sub", Some(json!("line\nbreak"))), claim("sub")),
        (with("sub", Some(json!("x".repeat(129)))), claim("sub")),
        (with("role", None), claim("role")),
        (with("role", Some(json!("root"))), claim("role")),
        (with("role", Some(json!(["root", 7]))), claim("role")),
        (json!({"sub": "c", "role": "customer", "customer_id": "a b", "exp": NOW}), claim("customer_id")),
        (json!({"sub": "c", "role": "customer", "customer_id": 7, "exp": NOW}), claim("customer_id")),
    ] {
        assert_eq!(judge(&signed(&claims), &rules), Err(error), "{claims}");
    }
    let strict = TokenRules { audience: Some("us".into()), issuer: Some("them".into()), ..rules };
    for (aud, iss, error) in [
        (Some(json!("us")), Some(json!("others")), TokenError::Issuer),
        (Some(json!(["us", "we"])), None, claim("iss")),
        (Some(json!("others")), Some(json!("them")), TokenError::Audience),
        (None, Some(json!("them")), claim("aud")),
    ] {
        let mut claims = claims();
        aud.into_iter().for_each(|aud| claims["aud"] = aud);
        iss.into_iter().for_each(|iss| claims["iss"] = iss);
        assert_eq!(judge(&signed(&claims), &strict), Err(error), "{claims}");
    }
}

#[test]
fn a_token_cannot_choose_how_it_is_judged() {
    let rules = TokenRules::default();
    let good = signed(&claims());
    let body = good.split('.').nth(1).expect("claims");
    // none, with and without a signature; base64url of {"alg":"none"} and {"alg":"None"}
    for header in ["eyJhbGciOiJub25lIn0", "eyJhbGciOiJOb25lIn0"] {
        for token in [format!("{header}.{body}."), format!("{header}.{body}"), format!("{header}.{body}.AAAA")] {
            assert!(judge(&token, &rules).is_err(), "{token}");
        }
    }
    // the right secret with another algorithm
    for algorithm in [Algorithm::HS384, Algorithm::HS512] {
        let token = encode(&Header::new(algorithm), &claims(), &EncodingKey::from_secret(SECRET.as_bytes()));
        assert_eq!(judge(&token.expect("a token"), &rules), Err(TokenError::Algorithm));
    }
    assert_eq!(
        verify(&good, &[key("another secret, just as long as that")], &rules).map(|_| ()),
        Err(TokenError::Signature)
    );
    assert_eq!(verify(&good, &[], &rules).map(|_| ()), Err(TokenError::Algorithm));
    let critical = Header { crit: Some(vec!["exp".to_owned()]), ..Header::new(Algorithm::HS256) };
    let token = encode(&critical, &claims(), &EncodingKey::from_secret(SECRET.as_bytes())).expect("a token");
    assert_eq!(judge(&token, &rules), Err(TokenError::Malformed));
    for nonsense in ["", ".", "..", "a.b.c", &"x".repeat(9_000), &good[..good.len() - 3]] {
        assert!(judge(nonsense, &rules).is_err(), "{nonsense}");
    }
}

#[test]
fn a_secret_that_could_be_guessed_is_refused() {
    assert_eq!(VerifyingKey::secret("hunter2").map(|_| ()), Err(WeakSecret));
    assert!(VerifyingKey::secret(&"x".repeat(32)).is_ok());
}
