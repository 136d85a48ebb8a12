//! Records as CSV files: out in full, in as a whole or not at all, and never as a formula.

use reqwest::Method;
use serde_json::{Value as Json, json};

use crate::server::{Client, DESK, Server, until};

const EXPORT: &str = "/api/tables/orders/records.csv";
const IMPORT: &str = "/api/tables/orders/records/import";

async fn desk() -> (Server, Client) {
    let server = Server::start(DESK).await;
    let admin = server.admin().await;
    (server, admin)
}

async fn import(client: &Client, query: &str, file: impl Into<reqwest::Body>) -> (u16, Json) {
    let path = format!("{IMPORT}{query}");
    let request = client.request(Method::POST, &path).header("content-type", "text/csv");
    let answer = request.body(file).send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

async fn export(client: &Client, query: &str) -> String {
    let (status, file) = client.get(&format!("{EXPORT}{query}")).await;
    assert_eq!(status, 200, "{file}");
    file.as_str().unwrap().to_owned()
}

#[tokio::test]
async fn an_export_is_the_list_as_a_file() {
    let (server, admin) = desk().await;
    server.sql(
        "insert into orders (customer, total, status, code) values
         ('Ada \"the first\", Lovelace', 12.5, 'open', null), ('=cmd()', -0, 'done', 'é'), ('c', null, null, '')",
    );
    let file = export(&admin, "?sort=customer:desc&fields=customer,total,status,code").await;
    assert_eq!(
        file,
        "id,customer,status,total,code\r\n3,c,,,\r\n\
         1,\"Ada \"\"the first\"\", Lovelace\",open,12.50,\r\n2,'=cmd(),done,0.00,é\r\n"
    );
    assert_eq!(export(&admin, "?search=ada&fields=total").await, "id,total\r\n1,12.50\r\n");
    assert_eq!(export(&admin, "?filter=total:gt:1&limit=1&fields=code").await, "id,code\r\n1,\r\n");
    let answer = admin.request(Method::GET, EXPORT).send().await.unwrap();
    assert_eq!(answer.headers()["content-type"], "text/csv; charset=utf-8");
    assert_eq!(answer.headers()["content-disposition"], "attachment; filename=\"orders.csv\"");
    for query in ["?sort=nosuch", "?limit=0", "?offset=1", "?cursor=x"] {
        assert_eq!(admin.get(&format!("{EXPORT}{query}")).await.0, 400, "{query}");
    }
}

#[tokio::test]
async fn an_export_has_nothing_that_may_not_be_read() {
    let (server, _admin) = desk().await;
    server.sql("insert into orders (customer, secret) values ('Ada', 'xyzzy')");
    let guest = server.guest().await;
    let file = export(&guest, "").await;
    assert!(file.contains("Ada") && !file.contains("secret") && !file.contains("xyzzy"), "{file}");
    let ask = async |table: &str| guest.get(&format!("/api/tables/{table}/records.csv")).await;
    assert_eq!(ask("salaries").await, ask("nosuch").await);
    assert_eq!(guest.get(&format!("{EXPORT}?fields=secret")).await.0, 400);
}

#[tokio::test]
async fn what_is_exported_is_imported_again_as_it_was() {
    let (server, admin) = desk().await;
    for customer in ["=1+1", "'=1", "''@x", "'tis", "+49 30", "-", "a,\"b\"", " ", "\u{ff1d}1", "é"]
    {
        if !customer.trim().is_empty() {
            admin.add_order(json!({ "customer": customer, "total": "1234567890123.45" })).await;
        }
    }
    let columns = "select customer, status, total, secret, code from orders order by id";
    let before = server.sql(columns);
    let file = export(&admin, "").await;
    assert!(file.contains(",'=1+1,") && file.contains(",''=1,"), "{file}");
    let (status, report) = import(&admin, "", file.clone()).await;
    assert_eq!((status, &report["created"]), (200, &json!(9)), "{report}");
    assert_eq!(server.sql(columns), format!("{before}\n{before}"));
    server.sql("delete from orders where id > 9; update orders set customer = 'x', total = 1");
    let (status, report) = import(&admin, "?mode=upsert&mergeOn=id", file).await;
    assert_eq!((status, report), (200, json!({ "created": 0, "updated": 9, "faults": [] })));
    assert_eq!(server.sql(columns), before);
}

#[tokio::test]
async fn lines_are_made_or_merged_by_a_unique_field() {
    let (server, admin) = desk().await;
    let mut socket = admin.open("/api/tables/orders/subscribe").await.unwrap();
    socket.next().await;
    // With a byte order mark, labels, any order, and both ends of lines.
    let file = "\u{feff}Total,Customer,code\r\n7,Ada,A\n,\"Grace\nHopper\",B\n";
    let (status, report) = import(&admin, "", file).await;
    assert_eq!((status, &report["faults"][0]["line"]), (422, &Json::Null), "{report}");
    assert_eq!(
        report["details"],
        json!([{ "line": 3, "field": "customer", "message": "must be a single line" }])
    );
    let (status, report) =
        import(&admin, "?mode=create", "Total,Customer,code\r\n7,Ada,A\n,Grace,B\n").await;
    assert_eq!((status, report), (200, json!({ "created": 2, "updated": 0, "faults": [] })));
    assert_eq!(socket.next().await["record"]["fields"]["status"], "open");
    let merge = "?mode=upsert&mergeOn=code";
    let file = "code,total,status\nA,,done\n";
    let trial = import(&admin, &format!("{merge}&dryRun=true"), file).await;
    assert_eq!(trial, (200, json!({ "created": 0, "updated": 1, "faults": [] })));
    assert_eq!(server.sql("select total from orders where id = 1"), "7");
    assert_eq!(import(&admin, merge, file).await, trial);
    assert_eq!(
        server.sql("select total is null, status, customer from orders where id = 1"),
        "1|done|Ada"
    );
    let file = "code,customer\nC,Alan\nA,Ada L\n";
    assert_eq!(
        import(&admin, merge, file).await.1,
        json!({ "created": 1, "updated": 1, "faults": [] })
    );
    // Lines without an id are new.
    let file = "id,customer\n,Edith\n1,Ada\n";
    let told = import(&admin, "?mode=upsert&mergeOn=id", file).await;
    assert_eq!(told, (200, json!({ "created": 1, "updated": 1, "faults": [] })));
    assert_eq!(
        server.sql("select group_concat(customer, ' ') from orders"),
        "Ada Grace Alan Edith"
    );
}

#[tokio::test]
async fn lines_without_a_value_are_passed_over_and_torn_cells_are_told() {
    let (server, admin) = desk().await;
    let (status, report) =
        import(&admin, "", "customer,total\n,\nAda,1\n\n,\n\"\",\"\"\n,\n").await;
    assert_eq!((status, &report["created"]), (200, &json!(1)), "{report}");
    let torn =
        "has more in a cell after its closing quotation mark; write \"\" for one that is meant";
    for (line, is_torn) in [
        (r#""a"b,1"#, true),
        (r#""a" ,1"#, true),
        (r#""a""b"c,1"#, true),
        (r#"x,"1"2"#, true),
        (r#""a""b",1"#, false),
        (r#"5" pipe,1"#, false),
        (r#""a, b",1"#, false),
        (r#""""",1"#, false),
    ] {
        let (status, told) =
            import(&admin, "?dryRun=true", format!("customer,total\n{line}\n")).await;
        let faults = if is_torn { json!([{ "line": 2, "message": torn }]) } else { json!([]) };
        assert_eq!((status, &told["faults"]), (200, &faults), "{line}");
    }
    assert_eq!(server.sql("select count(*) from orders"), "1");
}

#[tokio::test]
async fn every_fault_is_told_by_its_line_and_nothing_is_written() {
    let (server, admin) = desk().await;
    server.sql("insert into orders (customer, code) values ('Ada', 'A')");
    let merge = "?mode=upsert&mergeOn=code";
    for (query, file, faults) in [
        (
            "",
            "customer,total\nAda,1\n,2\nGrace,much\n\"a\nb\",3\nx,y,z\n",
            json!([
                { "line": 3, "field": "customer", "message": "must have a value" },
                { "line": 4, "field": "total", "message": "must be a number, got \"much\"" },
                { "line": 5, "field": "customer", "message": "must be a single line" },
                { "line": 7, "message": "has 3 cells, and the first line has 2" },
            ]),
        ),
        (
            "",
            "customer,colour,customer\nAda,red,x\n",
            json!([
                { "line": 1, "field": "colour", "message": "is unknown" },
                { "line": 1, "field": "customer", "message": "is there already" },
            ]),
        ),
        (
            "",
            "total\n1\n",
            json!([{ "line": 2, "field": "customer", "message": "must have a value" }]),
        ),
        (
            "",
            "customer,code\nx,B\ny,A\n",
            json!([
                { "line": 3, "field": "code", "message": "another record already has this value" },
            ]),
        ),
        (
            merge,
            "customer\nx\n",
            json!([
                { "line": 1, "field": "code", "message": "has no column, and records are merged by it" },
            ]),
        ),
        (
            merge,
            "customer,code\nx,\n",
            json!([
                { "line": 2, "field": "code", "message": "must have a value: records are merged by it" },
            ]),
        ),
        (
            merge,
            "code,total\nA,1\nB,2\n",
            json!([{ "line": 3, "field": "customer", "message": "must have a value" }]),
        ),
        (
            "?mode=upsert&mergeOn=id",
            "id,customer\n99,x\n",
            json!([
                { "line": 2, "field": "id", "message": "names no record" },
            ]),
        ),
        // As spreadsheets and forms send them, with a line break inside a cell and an empty line.
        (
            "",
            "customer,total\r\n\"two\r\nlines\",1\r\n\r\nx,much\r\n,2\r\n",
            json!([
                { "line": 2, "field": "customer", "message": "must be a single line" },
                { "line": 5, "field": "total", "message": "must be a number, got \"much\"" },
                { "line": 6, "field": "customer", "message": "must have a value" },
            ]),
        ),
        (
            "",
            "customer,total\nx,1\n\"y,2\nz,3\n",
            json!([{ "line": 3, "message": "opens a quotation mark that is closed nowhere" }]),
        ),
        (
            "",
            "customer,code\n\"a \"\"b\"\"\",1\nx,\"cut off",
            json!([{ "line": 3, "message": "opens a quotation mark that is closed nowhere" }]),
        ),
        (
            "",
            "customer,code\n6\" pipe\n",
            json!([{ "line": 2, "message": "has 1 cell, and the first line has 2" }]),
        ),
        (
            "",
            "customer;code\nx;1\n",
            json!([
                { "line": 1, "message": "commas separate the cells, and this file has semicolons" },
            ]),
        ),
        (
            "",
            "Customer\tcode, or none\nx\t1\n",
            json!([
                { "line": 1, "message": "commas separate the cells, and this file has tabs" },
            ]),
        ),
        ("", " \n", json!([{ "line": 1, "message": "has no names of fields" }])),
        (
            "",
            "customer\nA\u{0}b\n",
            json!([{ "line": 2, "message": "holds the character U+0000" }]),
        ),
    ] {
        let (status, answer) = import(&admin, query, file).await;
        assert_eq!((status, &answer["code"]), (422, &json!("VALIDATION_FAILED")), "{answer}");
        assert_eq!(answer["details"], faults, "{file}");
        let dry = if query.is_empty() {
            "?dryRun=true".to_owned()
        } else {
            format!("{query}&dryRun=true")
        };
        let told = import(&admin, &dry, file).await;
        assert_eq!(told, (200, json!({ "created": 0, "updated": 0, "faults": faults })));
    }
    let (status, answer) = import(&admin, "", vec![b'a', b'\n', 0xFF]).await;
    assert_eq!((status, &answer["details"][0]["line"]), (422, &json!(2)));
    let utf_16 = "customer\nK\u{e4}se\n".encode_utf16().flat_map(u16::to_le_bytes);
    let (status, answer) =
        import(&admin, "", [&[0xFF, 0xFE][..], &utf_16.collect::<Vec<_>>()].concat()).await;
    let told = answer["details"][0]["message"].as_str().unwrap();
    assert!(status == 422 && told.starts_with("is UTF-16, not UTF-8: save"), "{answer}");
    assert_eq!(server.sql("select count(*) || customer from orders"), "1Ada");
}

#[tokio::test]
async fn imports_that_mean_nothing_are_refused() {
    let (server, admin) = desk().await;
    for query in [
        "?mode=replace",
        "?mode=upsert",
        "?mergeOn=code",
        "?mode=create&mergeOn=code",
        "?dryRun=yes",
        "?colour=red",
        "?mode=upsert&mergeOn=customer",
        "?mode=upsert&mergeOn=nosuch",
    ] {
        let (status, answer) = import(&admin, query, "customer\nAda\n").await;
        assert_eq!((status, &answer["code"]), (400, &json!("BAD_REQUEST")), "{query}");
    }
    let request = admin.request(Method::POST, IMPORT).header("content-type", "application/json");
    assert_eq!(request.body("customer\nAda\n").send().await.unwrap().status(), 415);
    let (status, _) = import(&admin, "", vec![b'a'; 17 * 1024 * 1024]).await;
    assert_eq!(status, 413);
    let many = format!("customer\n{}", "x\n".repeat(50_001));
    let (status, answer) = import(&admin, "", many).await;
    assert_eq!((status, &answer["details"][0]["line"]), (422, &json!(50_002)));
    assert_eq!(server.sql("select count(*) from orders"), "0");
}

#[tokio::test]
async fn an_import_needs_the_rights_of_what_it_does() {
    let server = Server::start(&DESK.replace(
        "fields: [{ field: secret, read: [admin] }]",
        "fields: [{ field: secret, read: [admin] }, { field: total, write: [packer] }]",
    ))
    .await;
    let (admin, guest, member) =
        (server.admin().await, server.guest().await, server.person("bob", "member"));
    assert_eq!(import(&guest, "", "customer\nAda\n").await.0, 401);
    assert_eq!(import(&member, "", "customer\nAda\n").await.0, 403);
    let (status, answer) = import(&admin, "", "customer,total\nAda,1\n").await;
    assert_eq!((status, &answer["details"][0]["message"]), (422, &json!("is not yours to set")));
    let path = |table| format!("/api/tables/{table}/records/import");
    let ask = async |table| member.send(Method::POST, &path(table), None).await;
    assert_eq!(ask("salaries").await, ask("nosuch").await);
    assert_eq!(server.sql("select count(*) from orders"), "0");
}

#[tokio::test]
async fn so_many_files_at_once_and_no_more() {
    let (server, admin) = desk().await;
    server.sql(
        "with recursive n(i) as (select 1 union all select i + 1 from n where i < 200000)
         insert into orders (customer) select printf('%.200c', 'x') from n",
    );
    let mut open = Vec::new();
    for _ in 0..4 {
        // Not read to its end.
        open.push(admin.request(Method::GET, EXPORT).send().await.unwrap());
    }
    let answer = admin.request(Method::GET, EXPORT).send().await.unwrap();
    assert_eq!(
        (answer.status().as_u16(), &answer.headers()["retry-after"]),
        (429, &"30".parse().unwrap())
    );
    // Everyone else reads on.
    assert_eq!(admin.get("/api/tables/orders/records").await.0, 200);
    drop(open);
    // The server learns of it when it next writes to them.
    let path = format!("{EXPORT}?limit=1");
    until("the place to be free", async || {
        let answer = admin.request(Method::GET, &path).send().await.unwrap();
        (answer.status() == 200).then_some(())
    })
    .await;
}
