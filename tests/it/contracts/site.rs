//! What the binary serves about itself: the document, Swagger UI, and the pages to which the types of problems lead.

use order_fleet::intake::http::{ProblemKind, document_json};
use reqwest::Response;
use serde_json::{Value, json};

use crate::support::{Api, TestDatabase, read};

async fn api() -> (TestDatabase, Api) {
    let database = TestDatabase::create().await;
    let api = Api::start(database.pool.clone()).await;
    (database, api)
}

async fn get(api: &Api, path: &str) -> Response {
    api.get(path).send().await.expect("an answer")
}

fn header<'a>(response: &'a Response, name: &str) -> &'a str {
    response.headers().get(name).map_or("", |value| value.to_str().expect("text"))
}

#[tokio::test]
async fn the_type_of_a_problem_leads_to_a_page_that_explains_it() {
    let (_database, api) = api().await;
    let (_, problem) = read(get(&api, "/api/v1/orders?limit=0").await).await;
    assert_eq!(problem["type"], "/problems/validation");
    for kind in ProblemKind::ALL {
        let page = get(&api, &kind.uri()).await;
        assert_eq!(page.status(), 200, "{}", kind.slug());
        assert_eq!(header(&page, "content-type"), "text/html; charset=utf-8");
        assert!(header(&page, "content-security-policy").starts_with("default-src 'none'"));
        let text = page.text().await.expect("a page");
        assert!(text.contains(kind.title()) && text.contains("What to do"), "{text}");
        assert!(get(&api, "/problems").await.text().await.expect("a page").contains(&kind.uri()));
    }
    let (status, problem) = read(get(&api, "/problems/none-of-ours").await).await;
    assert_eq!((status, &problem["type"]), (404, &json!("/problems/not-found")));
}

#[tokio::test]
async fn the_document_is_served_as_it_is_checked_in() {
    let (_database, api) = api().await;
    let (status, served) = read(get(&api, "/openapi.json").await).await;
    let made: Value = serde_json::from_str(&document_json().expect("a document")).expect("JSON");
    assert_eq!(status, 200);
    assert!(served == made);
}

#[tokio::test]
async fn swagger_ui_is_served_from_the_binary_and_loads_nothing_from_elsewhere() {
    let (_database, api) = api().await;
    let page = get(&api, "/docs/").await;
    assert_eq!(page.status(), 200);
    let policy = header(&page, "content-security-policy").to_owned();
    assert!(policy.contains("script-src 'self'") && !policy.contains("http"), "{policy}");
    let text = page.text().await.expect("a page");
    let files: Vec<&str> = ["src=\"", "href=\""]
        .iter()
        .flat_map(|attribute| text.split(attribute).skip(1))
        .filter_map(|rest| rest.split('"').next())
        .collect();
    assert!(files.len() >= 5, "{text}");
    for file in files {
        assert!(!file.contains("//"), "{file} is loaded from elsewhere");
        let loaded = get(&api, &format!("/docs/{}", file.trim_start_matches("./"))).await;
        assert_eq!(loaded.status(), 200, "{file}");
    }
    let settings = get(&api, "/docs/swagger-initializer.js").await.text().await.expect("a script");
    assert!(settings.contains("/openapi.json") && settings.contains("\"validatorUrl\": \"none\""), "{settings}");
    let (status, problem) = read(get(&api, "/docs/nothing-here").await).await;
    assert_eq!((status, &problem["type"]), (404, &json!("/problems/not-found")));
}
