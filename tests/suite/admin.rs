//! The pages for admins: what they show, what they do, and that nobody else learns of them.

use std::path::Path;

use pagetide::model::ids::UserId;
use pagetide::model::permissions::Operation;
use pagetide::model::viewer::{User, Viewer};
use pagetide::spec;
use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::server::{Client, DESK, Server, within};

const PAGES: [&str; 8] = [
    "/admin",
    "/admin/tables/orders",
    "/admin/tables/orders/new",
    "/admin/tables/orders/1",
    "/admin/users",
    "/admin/sessions",
    "/admin/tokens",
    "/admin/connections",
];

async fn text(client: &Client, path: &str) -> (u16, String) {
    let answer = client.request(Method::GET, path).send().await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

/// Sends a form as a page would.
async fn form(client: &Client, path: &str, body: &str) -> reqwest::Response {
    let request = client.request(Method::POST, path);
    let request = request.header("content-type", "application/x-www-form-urlencoded");
    request.body(body.to_owned()).send().await.unwrap()
}

/// A page without what differs by itself.
fn without_nonces(page: &str) -> String {
    let mut parts = page.split("nonce=\"");
    let first = parts.next().unwrap_or_default().to_owned();
    first + &parts.map(|part| part.split_once('"').map_or("", |(_, rest)| rest)).collect::<String>()
}

#[tokio::test]
async fn a_warning_takes_no_page_from_admins() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("app.yaml"), DESK).unwrap();
    std::fs::create_dir(folder.path().join("templates")).unwrap();
    // No built-in template has this name, which is a warning.
    std::fs::write(folder.path().join("templates/unused.html"), "unused").unwrap();
    let server = Server::start_app(folder.path()).await;
    let (status, page) = text(&server.admin().await, "/admin/tables/orders").await;
    assert_eq!(status, 200, "{page}");
}

#[tokio::test]
async fn every_page_is_there_for_admins() {
    let server = Server::start(DESK).await;
    let admin = server.admin().await;
    admin.add_order(json!({ "customer": "Bob & Co", "secret": "x" })).await;
    for path in PAGES {
        let (status, page) = text(&admin, path).await;
        assert_eq!(status, 200, "{path}");
        assert!(page.contains("href=\"&#x2f;admin&#x2f;users\""), "{path}: {page}");
    }
    let (_, page) = text(&admin, "/admin/tables/orders").await;
    assert!(page.contains("Bob &amp; Co") && page.contains("records.csv"), "{page}");
    let (_, page) = text(&admin, "/admin/import/orders").await;
    assert!(page.contains("with the same code"), "{page}");
    let (_, page) = text(&admin, "/").await;
    assert!(page.contains("href=\"&#x2f;admin\""));
}

#[test]
fn every_app_has_pages_for_all_of_its_tables() {
    let specs = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/specs/valid");
    let role = "admin".parse().unwrap();
    let id = UserId::new("ada");
    let admin = Viewer::User(User { id, email: "".into(), name: "".into(), role });
    for folder in std::fs::read_dir(specs).unwrap() {
        let folder = folder.unwrap().path();
        let app = spec::load(&folder).unwrap().app.unwrap();
        let paths: Vec<_> = app.admin_pages.iter().map(|page| page.path.to_string()).collect();
        assert!(paths.contains(&"/admin".to_owned()), "{}", folder.display());
        for table in &app.tables {
            let is_open = table.allows(&admin, Operation::Read);
            for path in ["", "/:id"] {
                let path = format!("/admin/tables/{}{path}", table.name);
                assert_eq!(paths.contains(&path), is_open, "{path} of {}", folder.display());
            }
        }
    }
}

#[tokio::test]
async fn nobody_else_learns_of_them() {
    let server = Server::start(DESK).await;
    let packer = server.person("pam", "packer");
    let unknown = text(&packer, "/nothing/here").await;
    assert_eq!(unknown.0, 404);
    for path in PAGES.into_iter().chain(["/admin/import/orders", "/admin/nothing"]) {
        let (status, page) = text(&packer, path).await;
        assert_eq!((status, without_nonces(&page)), (404, without_nonces(&unknown.1)), "{path}");
        let guest = server.guest().await.request(Method::GET, path).send().await.unwrap();
        let location = guest.headers().get("location").map(|to| to.to_str().unwrap().to_owned());
        let is_led = location.is_some_and(|to| to.starts_with("/sign-in?next="));
        assert_eq!(is_led, path != "/admin/nothing", "{path}");
    }
    let (_, page) = text(&packer, "/").await;
    assert!(!page.contains("admin"));
    let nothing = packer.send(Method::POST, "/api/nothing", None).await;
    for path in [
        "/api/admin/people",
        "/api/admin/people/pam",
        "/api/admin/tokens",
        "/api/admin/tokens/x/revoke",
        "/api/admin/tables/orders/import",
    ] {
        for client in [&packer, &server.guest().await] {
            assert_eq!(client.send(Method::POST, path, None).await, nothing, "{path}");
        }
    }
    let program = server.admin().await;
    let (_, told) =
        program.send(Method::POST, "/api/auth/tokens", Some(json!({ "name": "x" }))).await;
    let program = server.nobody().with_bearer(told["token"].as_str().unwrap());
    assert_eq!(program.send(Method::POST, "/api/admin/people", None).await, nothing);
}

#[tokio::test]
async fn a_page_of_the_author_takes_the_place_of_one() {
    let own = "  - { name: Mine, path: /admin, access: all, components: [{ type: text, content: Own words }] }\n";
    let server = Server::start(&format!("{DESK}{own}")).await;
    let admin = server.admin().await;
    let (_, page) = text(&admin, "/admin").await;
    assert!(page.contains("Own words") && !page.contains("id=\"pt-figures\""));
    assert_eq!(text(&admin, "/admin/users").await.0, 200);
}

#[tokio::test]
async fn what_an_admin_may_not_read_is_not_there() {
    let server = Server::start(DESK).await;
    let admin = server.admin().await;
    server.sql("insert into salaries (amount) values (123456)");
    assert_eq!(text(&admin, "/admin/tables/salaries").await.0, 404);
    assert_eq!(text(&admin, "/admin/import/salaries").await.0, 404);
    let (_, page) = text(&admin, "/admin").await;
    assert!(!page.contains("salaries"));
    // They may read notes, but only packers may add some.
    assert_eq!(text(&admin, "/admin/tables/notes").await.0, 200);
    assert_eq!(text(&admin, "/admin/import/notes").await.0, 404);
    let answer =
        form(&admin, "/api/admin/tables/notes/import", "csv=words%0Ax&mergeOn=&dryRun=false");
    assert_eq!(answer.await.status(), StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn people_are_added_and_changed() {
    let server = Server::start(DESK).await;
    let admin = server.admin().await;
    let people = "/api/admin/people";
    let bob = "name=%3CBob%3E&email=bob%40example.org&password=battery+staple&role=packer";
    let answer = form(&admin, people, bob).await;
    assert_eq!(answer.headers()["location"], "/admin/users?done=added");
    let answer = form(&admin, people, bob).await;
    assert_eq!(answer.status(), 409);
    let page = answer.text().await.unwrap();
    assert!(page.contains("there is an account") && page.contains("&lt;Bob&gt;"));
    assert_eq!(form(&admin, people, &bob.replace("packer", "king")).await.status(), 400);
    assert_eq!(form(&admin, people, &bob.replace("battery+staple", "x")).await.status(), 422);

    let bob = server.nobody().into_person("bob@example.org", "battery staple").await;
    let id = server.sql("select id from _pagetide_users where email = 'bob@example.org'");
    let path = format!("{people}/{id}");
    let mut socket = bob.open("/api/tables/salaries/subscribe").await.unwrap();
    socket.next().await;
    form(&admin, &path, "action=role&role=member").await;
    assert_eq!(within("the stream to end", socket.close_code()).await, 4403);
    assert_eq!(bob.get("/api/tables/salaries/records").await.0, 404);
    let mut socket = bob.open("/api/tables/orders/subscribe").await.unwrap();
    form(&admin, &path, "action=disable").await;
    assert_eq!(within("the stream to end", socket.close_code()).await, 4401);
    assert_eq!(bob.get("/api/tables/notes/records").await.0, 401);
    assert!(text(&admin, "/admin/users").await.1.contains("shut out"));
    form(&admin, &path, "action=enable").await;
    let bob = server.nobody().into_person("bob@example.org", "battery staple").await;
    form(&admin, &path, "action=signOut").await;
    assert_eq!(bob.get("/api/tables/notes/records").await.0, 401);
    for (body, status) in [("action=king", 400), ("action=role&role=king", 400), ("", 400)] {
        assert_eq!(form(&admin, &path, body).await.status(), status, "{body}");
    }
    assert_eq!(form(&admin, &format!("{people}/nobody"), "action=disable").await.status(), 404);
}

#[tokio::test]
async fn an_admin_cannot_lock_themselves_out() {
    let server = Server::start(DESK).await;
    let admin = server.admin().await;
    let id = server.sql("select id from _pagetide_users");
    for body in ["action=disable", "action=role&role=viewer", "action=signOut"] {
        let answer = form(&admin, &format!("/api/admin/people/{id}"), body).await;
        assert_eq!(answer.status(), 403, "{body}");
        assert!(answer.text().await.unwrap().contains("your own account"));
    }
    assert_eq!(text(&admin, "/admin").await.0, 200);
}

#[tokio::test]
async fn another_site_cannot_send_these_forms() {
    let server = Server::start(DESK).await;
    let admin = server.admin().await;
    let body = "name=Eve&email=eve%40example.org&password=battery+staple&role=admin";
    for origin in [None, Some("https://evil.example"), Some("null")] {
        let mut request = admin.bare(Method::POST, "/api/admin/people");
        request = request.header("content-type", "application/x-www-form-urlencoded");
        if let Some(origin) = origin {
            request = request.header("origin", origin);
        }
        assert_eq!(request.body(body).send().await.unwrap().status(), 403, "{origin:?}");
    }
    assert_eq!(server.sql("select count(*) from _pagetide_users"), "1");
}

#[tokio::test]
async fn a_file_is_tried_and_read_in() {
    let server = Server::start(DESK).await;
    let admin = server.admin().await;
    let import = async |csv: &str, rest: &str| {
        let csv = csv.replace('\n', "%0A").replace(',', "%2C");
        form(&admin, "/api/admin/tables/orders/import", &format!("csv={csv}&{rest}")).await
    };
    let lines = "customer,code,total\nAda,a,1.50\nBob,b,2.50";
    let answer = import(lines, "mergeOn=&dryRun=true").await;
    assert_eq!(answer.status(), 200);
    assert!(answer.text().await.unwrap().contains("it would add 2 and change 0"));
    assert_eq!(server.sql("select count(*) from orders"), "0");
    let answer = import(lines, "mergeOn=&dryRun=false").await;
    assert_eq!(answer.status(), 303);
    let told = answer.headers()["location"].to_str().unwrap().to_owned();
    for _ in 0..2 {
        assert!(text(&admin, &told).await.1.contains("2 added, 0 changed"));
    }
    for made_up in [
        "added=-1&changed=0",
        "added=x&changed=0",
        "added=1",
        "added=99999999999999999999&changed=1",
    ] {
        let (status, page) = text(&admin, &format!("/admin/import/orders?{made_up}")).await;
        assert!(status == 200 && !page.contains("added,"), "{made_up}");
    }
    assert_eq!(server.sql("select count(*) from orders"), "2");
    let answer =
        import("customer,code,total\nAda,a,-1\nEve,c,x", "mergeOn=code&dryRun=false").await;
    assert_eq!(answer.status(), 422);
    let page = answer.text().await.unwrap();
    assert!(page.contains("Line 2: total") && page.contains("Line 3: total"), "{page}");
    let answer = import("customer,code\nAda L.,a\nEve,c", "mergeOn=code&dryRun=false").await;
    assert!(answer.headers()["location"].to_str().unwrap().ends_with("added=1&changed=1"));
    assert_eq!(server.sql("select group_concat(customer) from orders"), "Ada L.,Bob,Eve");
}

/// Sends a file as the form of the page does.
async fn send_file(client: &Client, file: &[u8]) -> (u16, String) {
    send_both(client, file, b"").await
}

/// Sends a file beside a text.
async fn send_both(client: &Client, file: &[u8], text: &[u8]) -> (u16, String) {
    let part = |name: &str, value: &[u8]| {
        let head = format!("--part\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n");
        [head.as_bytes(), value, b"\r\n"].concat()
    };
    let parts =
        [part("file", file), part("csv", text), part("mergeOn", b""), part("dryRun", b"false")];
    let body = [&parts.concat()[..], b"--part--\r\n"].concat();
    let request = client.request(Method::POST, "/api/admin/tables/orders/import");
    let request = request.header("content-type", "multipart/form-data; boundary=part");
    let answer = request.body(body).send().await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

#[tokio::test]
async fn a_file_is_read_as_it_is_or_refused_on_its_page() {
    let server = Server::start(DESK).await;
    let admin = server.admin().await;
    for (file, line, words) in [
        (&b"customer\nK\xe4se\n"[..], 2, "is not UTF-8"),
        (b"\xff\xfec\0u\0", 1, "is UTF-16, not UTF-8"),
        (b"customer;code\nAda;1\n", 1, "commas separate the cells, and this file has semicolons"),
        (b"customer\tcode\nAda\t1\n", 1, "commas separate the cells, and this file has tabs"),
        (b"", 1, "has no names of fields"),
    ] {
        let (status, page) = send_file(&admin, file).await;
        assert!(status == 422 && page.contains(&format!("Line {line}: {words}")), "{page}");
        assert!(!page.contains('\u{fffd}'), "{page}");
    }
    // Which of the two is meant, only they know; and neither is lost.
    let (status, page) = send_both(&admin, b"customer\nAda\n", b"customer\nBob\n").await;
    assert!(status == 422 && page.contains("clear the text to import the file"), "{page}");
    assert!(page.contains("customer\nBob"), "{page}");
    let large = [&b"customer\n"[..], &b"A,".repeat(9 * 1024 * 1024)].concat();
    let (status, page) = send_file(&admin, &large).await;
    assert_eq!(status, 413);
    assert!(page.contains("the file may have at most 16 MiB") && page.contains("<form"), "{page}");
    let text = form(
        &admin,
        "/api/admin/tables/orders/import",
        "csv=customer%0AK%E4se&mergeOn=&dryRun=false",
    );
    assert_eq!(text.await.status(), 400);
    assert_eq!(server.sql("select count(*) from orders"), "0");
    // Full of commas, and larger than it may be once each of them is sent as three.
    let commas = [&b"customer,nosuch\n"[..], &b"\",,,,,,,\",\n".repeat(600_000)].concat();
    let (status, page) = send_file(&admin, &commas).await;
    assert!(status == 422 && page.contains("nosuch is unknown"), "{status}");
    let (status, _) =
        send_file(&admin, "\u{feff}customer,total\r\n\"Käse, jung\",7\r\n".as_bytes()).await;
    assert_eq!(status, 303);
    assert_eq!(server.sql("select customer, total from orders"), "Käse, jung|7");
}

#[tokio::test]
async fn tokens_are_made_for_others_and_revoked() {
    let server = Server::start(DESK).await;
    let (admin, _) = (server.admin().await, server.person("pam", "packer"));
    let body = "email=pam%40people.example&name=nightly&expiresInDays=30";
    let answer = form(&admin, "/api/admin/tokens", body).await;
    assert_eq!(answer.status(), 201);
    let page = answer.text().await.unwrap();
    let secret = page.split("pt_").nth(1).unwrap().split('<').next().unwrap();
    let program = server.nobody().with_bearer(&format!("pt_{secret}"));
    assert_eq!(program.get("/api/tables/salaries/records").await.0, 200);
    let (_, page) = text(&admin, "/admin/tokens").await;
    assert!(page.contains("nightly") && !page.contains(secret));
    let id = server.sql("select id from _pagetide_tokens");
    form(&admin, &format!("/api/admin/tokens/{id}/revoke"), "").await;
    assert_eq!(program.get("/api/tables/salaries/records").await.0, 401);
}

#[tokio::test]
async fn connections_are_seen() {
    let server = Server::start(DESK).await;
    let (admin, pam) = (server.admin().await, server.person("pam", "packer"));
    assert!(text(&admin, "/admin/connections").await.1.contains("Nobody listens"));
    let mut sockets = [
        pam.open("/api/tables/salaries/subscribe").await.unwrap(),
        server.guest().await.open("/api/tables/orders/subscribe").await.unwrap(),
    ];
    for socket in &mut sockets {
        socket.next().await;
    }
    let (_, page) = text(&admin, "/admin/connections").await;
    for part in ["pam", "salaries", "a guest", "127.0.0.1"] {
        assert!(page.contains(part), "{part}");
    }
    assert!(!page.contains("token-of-pam"));
}
