//! What an app says of its look: its public files, its theme, its own templates.

use reqwest::header::HeaderMap;
use reqwest::{Method, Response, StatusCode};

use crate::server::{DESK, Server};

async fn ask(server: &Server, path: &str, headers: &[(&'static str, &str)]) -> Response {
    let mut request = server.nobody().request(Method::GET, path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.send().await.unwrap()
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers.get(name).map_or("", |value| value.to_str().unwrap())
}

#[tokio::test]
async fn a_public_file_is_sent_with_its_kind_and_not_twice() {
    let server = Server::start(DESK).await;
    server.save("public/deep/look.css", "a { color: red }");
    let first = ask(&server, "/deep/look.css", &[]).await;
    assert_eq!(first.status(), StatusCode::OK);
    assert_eq!(text(first.headers(), "content-type"), "text/css; charset=utf-8");
    assert_eq!(text(first.headers(), "cache-control"), "no-cache");
    assert_eq!(text(first.headers(), "x-content-type-options"), "nosniff");
    let tag = text(first.headers(), "etag").to_owned();
    let modified = text(first.headers(), "last-modified").to_owned();
    assert_eq!(first.text().await.unwrap(), "a { color: red }");
    for condition in [("if-none-match", &*tag), ("if-modified-since", &*modified)] {
        let again = ask(&server, "/deep/look.css", &[condition]).await;
        assert_eq!(again.status(), StatusCode::NOT_MODIFIED, "{condition:?}");
    }
    server.save("public/deep/look.css", "a { color: green }");
    let other = ask(&server, "/deep/look.css", &[("if-none-match", &tag)]).await;
    assert_eq!(other.text().await.unwrap(), "a { color: green }");
}

#[tokio::test]
async fn a_part_of_a_public_file_is_sent_as_it_is() {
    let server = Server::start(DESK).await;
    server.save("public/words.txt", "0123456789");
    let headers = [("range", "bytes=2-4"), ("accept-encoding", "gzip")];
    let part = ask(&server, "/words.txt", &headers).await;
    assert_eq!(part.status(), StatusCode::PARTIAL_CONTENT);
    assert_eq!(text(part.headers(), "content-range"), "bytes 2-4/10");
    assert_eq!(text(part.headers(), "content-encoding"), "");
    assert_eq!(part.text().await.unwrap(), "234");
    // A part that ends after the file ends with it; one that begins there is none (RFC 9110, 14).
    for (range, status, sent, body) in [
        ("bytes=0-1000", 206, "bytes 0-9/10", "0123456789"),
        ("bytes=0-1000", 206, "bytes 0-9/10", "0123456789"),
        ("bytes=-3", 206, "bytes 7-9/10", "789"),
        ("bytes=9-", 206, "bytes 9-9/10", "9"),
        ("bytes=10-", 416, "bytes */10", ""),
        ("bytes=-0", 416, "bytes */10", ""),
        ("bytes=1-2,4-5", 200, "", "0123456789"),
        ("bytes=a-", 200, "", "0123456789"),
    ] {
        let answer = ask(&server, "/words.txt", &[("range", range)]).await;
        let told = (answer.status().as_u16(), text(answer.headers(), "content-range"));
        assert_eq!(told, (status, sent), "{range}");
        assert_eq!(answer.text().await.unwrap(), body, "{range}");
    }
    // A part of another state of it would not fit what the reader has.
    let whole = ask(&server, "/words.txt", &[]).await;
    let of = |name| text(whole.headers(), name);
    for (state, status) in [(of("etag"), 206), ("\"other\"", 200), (of("last-modified"), 206)] {
        let headers = [("range", "bytes=2-4"), ("if-range", state)];
        let answer = ask(&server, "/words.txt", &headers).await;
        assert_eq!(answer.status().as_u16(), status, "{state}");
    }
    let head = server.nobody().request(Method::HEAD, "/words.txt").send().await.unwrap();
    assert_eq!(head.status(), StatusCode::OK);
}

#[tokio::test]
async fn text_is_compressed_and_pictures_are_not() {
    let server = Server::start(DESK).await;
    server.save("public/a.css", &"a { color: red }\n".repeat(100));
    server.save("public/a.png", &"not really a picture ".repeat(100));
    let encoding = async |path| {
        let answer = ask(&server, path, &[("accept-encoding", "gzip")]).await;
        let tag = text(answer.headers(), "etag").to_owned();
        (text(answer.headers(), "content-encoding").to_owned(), tag.starts_with("W/"))
    };
    assert_eq!(encoding("/a.css").await, ("gzip".to_owned(), true));
    assert_eq!(encoding("/a.png").await, (String::new(), false));
}

#[tokio::test]
async fn nothing_outside_the_public_folder_is_sent() {
    let server = Server::start(DESK).await;
    server.save("public/a.txt", "open");
    server.save("public/.env", "xyzzy");
    server.save("secret.txt", "xyzzy");
    for path in [
        "/app.yaml",
        "/data.db",
        "/secret.txt",
        "/../secret.txt",
        "/%2e%2e/secret.txt",
        "/..%2fsecret.txt",
        "/a.txt/../../secret.txt",
        "/..%5csecret.txt",
        "/%00secret.txt",
        "/.env",
        "/%2eenv",
        "/public/a.txt",
    ] {
        let answer = ask(&server, path, &[]).await;
        assert_eq!(answer.status(), StatusCode::NOT_FOUND, "{path}");
        let body = answer.text().await.unwrap();
        assert!(!body.contains("xyzzy") && !body.contains("permissions"), "{path}");
    }
}

#[tokio::test]
async fn a_public_file_takes_no_place_that_is_ours() {
    let server = Server::start(DESK).await;
    for path in ["api/auth/session", "healthz", "notes", "_pagetide/dev"] {
        server.save(&format!("public/{path}"), "xyzzy");
    }
    for path in ["/api/auth/session", "/healthz", "/notes", "/_pagetide/dev"] {
        let body = ask(&server, path, &[]).await.text().await.unwrap();
        assert!(!body.contains("xyzzy"), "{path}: {body}");
    }
    // Where there is nothing of ours, a file needs no dot in its name.
    server.save("public/CNAME", "desk.example");
    assert_eq!(ask(&server, "/CNAME", &[]).await.text().await.unwrap(), "desk.example");
}

#[tokio::test]
async fn a_theme_is_written_as_tokens_that_the_policy_allows() {
    let theme = "theme: { accent: \"#7c3aed\", radius: 4px, font: \"Inter, serif\" }\n";
    let server = Server::start(&format!("{theme}{DESK}")).await;
    let answer = ask(&server, "/", &[]).await;
    let policy = text(answer.headers(), "content-security-policy").to_owned();
    let page = answer.text().await.unwrap();
    let nonce = page.split("<style nonce=\"").nth(1).unwrap().split('"').next().unwrap();
    assert!(policy.contains(&format!("style-src 'self' 'nonce-{nonce}'")), "{policy}");
    let tokens = page.split("<style nonce=").nth(1).unwrap().split("</style>").next().unwrap();
    assert!(tokens.contains("--accent:light-dark(#7c3aed,#"), "{tokens}");
    assert!(tokens.contains("--radius:4px"), "{tokens}");
    assert!(tokens.contains("--font:\"Inter\",serif"), "{tokens}");
    let plain = Server::start(DESK).await;
    assert!(!ask(&plain, "/", &[]).await.text().await.unwrap().contains("<style"));
}

#[tokio::test]
async fn a_template_of_the_app_takes_the_place_of_ours_and_escapes() {
    let yaml = DESK.replace("name: Desk\n", "name: \"Desk <b>\"\n");
    let mut server = Server::start(&yaml).await;
    server.save("templates/page.html", "{% extends \"layout.html\" %}{% block content %}<h1>{{ title }}</h1>{{ body }}{% endblock %}");
    server.restart().await;
    let page = ask(&server, "/", &[]).await.text().await.unwrap();
    assert!(page.contains("<h1>Desk &lt;b&gt;</h1>"), "{page}");
    assert!(page.contains("data-component"));
}

#[tokio::test]
async fn an_icon_stands_on_the_tab_and_beside_the_name() {
    let mut server = Server::start(DESK).await;
    server.save("public/icon.svg", "<svg xmlns='http://www.w3.org/2000/svg'/>");
    server.restart_as(&format!("theme: {{ icon: ./public/icon.svg }}\n{DESK}")).await;
    let page = ask(&server, "/", &[]).await.text().await.unwrap();
    assert!(page.contains(r#"<link rel="icon" href="&#x2f;icon.svg">"#), "{page}");
    assert!(page.contains(r#"<img src="&#x2f;icon.svg" alt="""#), "{page}");
    let icon = ask(&server, "/icon.svg", &[]).await;
    assert_eq!(text(icon.headers(), "content-type"), "image/svg+xml");
}
