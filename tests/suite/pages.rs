//! Pages as complete HTML, and their components by themselves.

use reqwest::{Method, StatusCode};

use crate::server::{DESK, Server, within};

#[tokio::test]
async fn a_page_is_complete_and_shows_what_the_viewer_may_see() {
    let server = Server::start(DESK).await;
    server.sql(
        "insert into orders (customer, total, secret) values ('Grace <b>', 1234.5, 'xyzzy'),
         ('ada', null, 'xyzzy'), ('Zoe', 1, 'xyzzy')",
    );
    server.sql("insert into orders (customer, status) values ('Gone', 'done')");
    let (status, page) = server.nobody().get("/").await;
    let page = page.as_str().unwrap();
    assert_eq!(status, 200);
    assert!(page.contains("Grace &lt;b&gt;"));
    let order: Vec<_> = [">ada<", "Grace", ">Zoe<"].map(|name| page.find(name).unwrap()).into();
    assert!(order.is_sorted());
    assert!(!page.contains("Gone") && !page.contains("xyzzy") && !page.contains("Secret"));
    assert!(page.contains("data-position="));
    let (_, page) = server.admin().await.get("/").await;
    assert!(page.as_str().unwrap().contains("xyzzy"));
}

#[tokio::test]
async fn a_page_that_is_not_for_guests_sends_them_to_sign_in() {
    let server = Server::start(DESK).await;
    let answer = server.nobody().request(Method::GET, "/notes").send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::SEE_OTHER);
    assert_eq!(answer.headers()["location"], "/sign-in?next=%2Fnotes");
    let (_, form) = server.nobody().get("/sign-in?next=%2Fnotes").await;
    assert!(form.as_str().unwrap().contains(r#"name="next" value="&#x2f;notes""#));
    assert_eq!(server.admin().await.get("/notes").await.0, 200);
}

#[tokio::test]
async fn an_authors_page_wins_over_a_built_in_one() {
    let yaml = DESK.replace("path: /notes", "path: /sign-in");
    let server = Server::start(&yaml).await;
    let (_, page) = server.admin().await.get("/sign-in").await;
    assert!(page.as_str().unwrap().contains("<table>"));
}

#[tokio::test]
async fn a_fragment_is_the_component_of_the_page() {
    let server = Server::start(DESK).await;
    server.sql("insert into orders (customer) values ('Ada')");
    let guest = server.guest().await;
    let (_, page) = guest.get("/").await;
    let (status, fragment) = guest.get("/api/fragments?url=/&component=dataTable-1").await;
    assert_eq!(status, 200);
    assert!(page.as_str().unwrap().contains(fragment.as_str().unwrap().trim()));
}

#[tokio::test]
async fn what_has_not_changed_is_not_sent_again() {
    let server = Server::start(DESK).await;
    let guest = server.guest().await;
    for path in ["/api/fragments?url=/&component=dataTable-1", "/"] {
        let ask = async |tag: &str| {
            let request = guest.request(Method::GET, path).header("if-none-match", tag);
            let answer = request.send().await.unwrap();
            let tag = answer.headers().get("etag").map(|tag| tag.to_str().unwrap().to_owned());
            (answer.status().as_u16(), tag)
        };
        // While a commit is being told there is no tag.
        let settled = async |tag: String| loop {
            match ask(&tag).await {
                (status, Some(fresh)) => {
                    assert_eq!(status == 304, fresh == tag);
                    return fresh;
                }
                (status, None) => assert_eq!(status, 200),
            }
        };
        let tag = settled("other".to_owned()).await;
        server.sql("insert into notes (words) values ('elsewhere')");
        assert_eq!(settled(tag.clone()).await, tag);
        server.sql("insert into orders (customer) values ('Ada')");
        assert_eq!(ask(&tag).await.0, 200);
        assert_ne!(settled(tag.clone()).await, tag);
    }
}

#[tokio::test]
async fn a_page_shows_the_last_commit_of_any_program() {
    let server = Server::start(DESK).await;
    let guest = server.guest().await;
    for customer in 0..20 {
        server.sql(&format!("insert into orders (customer) values ('C{customer}')"));
        let (_, page) = guest.get("/").await;
        assert!(page.as_str().unwrap().contains(&format!(">C{customer}<")), "{customer}");
        let (_, page) = guest.get("/").await;
        assert!(page.as_str().unwrap().contains(&format!(">C{customer}<")), "{customer}");
    }
}

#[tokio::test]
async fn people_with_other_rights_get_other_pages() {
    let server = Server::start(DESK).await;
    server.sql("insert into orders (customer, secret) values ('Ada', 'xyzzy')");
    let (guest, admin) = (server.guest().await, server.admin().await);
    let tag = within("a tag", async {
        loop {
            let of_admin = admin.request(Method::GET, "/").send().await.unwrap();
            if let Some(tag) = of_admin.headers().get("etag") {
                return tag.to_str().unwrap().to_owned();
            }
        }
    });
    let tag = tag.await;
    let answer = guest.request(Method::GET, "/").header("if-none-match", tag).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    assert!(!answer.text().await.unwrap().contains("xyzzy"));
}

#[tokio::test]
async fn a_page_tells_its_scripts_who_the_viewer_is() {
    let server = Server::start(DESK).await;
    let (_, of_guest) = server.guest().await.get("/").await;
    assert!(of_guest.as_str().unwrap().contains(r#""viewer":"guest"}"#));
    let id = server.sql("select id from _pagetide_users");
    let (_, of_admin) = server.admin().await.get("/").await;
    assert!(of_admin.as_str().unwrap().contains(&format!(r#""viewer":"{id}"}}"#)));
}

#[tokio::test]
async fn a_fragment_of_what_one_may_not_see_is_not_there() {
    let server = Server::start(DESK).await;
    let guest = server.guest().await;
    let ask = async |query: &str| guest.get(&format!("/api/fragments?{query}")).await.0;
    assert_eq!(ask("url=/notes&component=dataTable-1").await, 404);
    assert_eq!(ask("url=/nosuch&component=dataTable-1").await, 404);
    assert_eq!(ask("url=/&component=dataTable-9").await, 404);
    assert_eq!(ask("url=/&component=%00").await, 404);
    assert_eq!(ask("url=/").await, 400);
}

#[tokio::test]
async fn scripts_and_styles_are_kept_for_good_and_pages_are_not() {
    let server = Server::start(DESK).await;
    let nobody = server.nobody();
    let (_, page) = nobody.get("/").await;
    let page = page.as_str().unwrap().replace("&#x2f;", "/");
    let start = page.find("/_pagetide/").unwrap();
    let path = &page[start..start + page[start..].find('"').unwrap()];
    let answer = nobody.request(Method::GET, path).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    assert!(answer.headers()["cache-control"].to_str().unwrap().contains("immutable"));
    let answer = nobody.request(Method::GET, "/").send().await.unwrap();
    assert_eq!(answer.headers()["cache-control"], "private, no-cache");
    let policy = answer.headers()["content-security-policy"].to_str().unwrap();
    assert!(policy.contains("default-src 'none'") && policy.contains("'nonce-"));
    assert_eq!(nobody.get("/_pagetide/old/pagetide.js").await.0, 404);
}

#[tokio::test]
async fn compression_is_used_and_said() {
    let server = Server::start(DESK).await;
    for (accepted, used) in [
        ("gzip", Some("gzip")),
        ("br, gzip;q=0.5", Some("br")),
        ("identity", None),
        ("*", None),
        ("br;q=0, gzip;q=0", None),
        ("BR;q=0.1, GZIP; q=1", Some("gzip")),
        ("br;q=nonsense", None),
        ("zstd", None),
    ] {
        let request = server.nobody().request(Method::GET, "/").header("accept-encoding", accepted);
        let answer = request.send().await.unwrap();
        let said = answer.headers().get("content-encoding").map(|value| value.to_str().unwrap());
        assert_eq!(said, used, "{accepted}");
        let vary: Vec<_> = answer.headers().get_all("vary").iter().collect();
        assert_eq!(vary, ["Cookie, Authorization", "Accept-Encoding"]);
    }
}
