//! What requests bring and what answers hold: bounded for each requester and in all, and given back.

use futures_util::future::select_all;
use pagetide::limits::Limit;
use reqwest::Method;
use serde_json::{Value as Json, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::server::{Client, Server, until, within};

const APP: &str = "
name: letters
tables:
  - name: letters
    fields: [{ name: body, type: long-text }]
    permissions: { read: all, create: all }
pages:
  - name: Letters
    path: /
    components: []
";
const RECORDS: &str = "/api/tables/letters/records";
const BATCH: &str = "/api/tables/letters/records/batch";

#[tokio::test]
async fn unfinished_bodies_have_a_common_bound_and_leave_nothing_behind() {
    let server = Server::start_within(APP, &[(Limit::BodiesBytesPerRequester, 400_000)]).await;
    let guest = server.guest().await;
    let mut unfinished = Vec::new();
    for _ in 0..4 {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        let head = format!(
            "POST {BATCH} HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\n\
             Content-Length: 1000000\r\n\r\n",
            server.address
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.write_all(&vec![b' '; 120_000]).await.unwrap();
        unfinished.push(stream);
    }
    // Whichever comes last is one too many; the others are then counted.
    let mut words = [0; 12];
    let refused = select_all(unfinished.iter_mut().map(|stream| Box::pin(stream.readable())));
    let (_, which, _) = within("one of them to be refused", refused).await;
    unfinished[which].read_exact(&mut words).await.unwrap();
    assert_eq!(words, *b"HTTP/1.1 429");
    let letter = || json!({ "fields": { "body": "x".repeat(90_000) } });
    let send = async || guest.send(Method::POST, RECORDS, Some(letter())).await;
    let (status, told) = send().await;
    assert_eq!((status, &told["code"]), (429, &json!("TOO_MANY_REQUESTS")));
    // Whoever has an account is another requester.
    let admin = server.admin().await;
    assert_eq!(admin.send(Method::POST, RECORDS, Some(letter())).await.0, 201);
    drop(unfinished);
    let taken = async || (send().await.0 == 201).then_some(());
    until("what was held to be given back", taken).await;
}

#[tokio::test]
async fn guests_send_so_much_in_a_time_and_people_as_they_like() {
    let server = Server::start_within(APP, &[(Limit::GuestBytesPerRequester, 400_000)]).await;
    let (guest, admin) = (server.guest().await, server.admin().await);
    let letter = || json!({ "fields": { "body": "x".repeat(90_000) } });
    let send = async |client: &Client| client.send(Method::POST, RECORDS, Some(letter())).await;
    for _ in 0..4 {
        assert_eq!(send(&guest).await.0, 201);
    }
    let (status, told) = send(&guest).await;
    assert_eq!((status, &told["code"]), (429, &json!("TOO_MANY_REQUESTS")));
    let words =
        "you may send 400000 bytes in two minutes without an account; try again later, or sign in";
    assert_eq!(told["message"], words);
    // Whoever comes by another cookie is the same network; reading goes on.
    assert_eq!(send(&server.guest().await).await.0, 429);
    assert_eq!(guest.get(RECORDS).await.0, 200);
    assert_eq!(server.sql("select count(*) from letters"), "4");
    for _ in 0..6 {
        assert_eq!(send(&admin).await.0, 201);
    }
}

#[tokio::test]
async fn of_a_batch_of_nonsense_so_many_faults_are_told_and_how_many_more() {
    let server = Server::start_within(APP, &[]).await;
    let fields: serde_json::Map<_, _> = (0..400).map(|nth| (format!("f{nth}"), json!(1))).collect();
    let records = vec![json!({ "fields": fields }); 200];
    let body = json!({ "records": records });
    let (status, told) = server.guest().await.send(Method::POST, BATCH, Some(body)).await;
    assert_eq!(status, 400, "{}", told["code"]);
    let details = told["details"].as_array().unwrap();
    assert_eq!(details.len(), 101);
    let more = details[100]["message"].as_str().unwrap();
    assert_eq!(more, "there are 79900 more faults");
}

#[tokio::test]
async fn answers_that_nobody_reads_are_bounded_and_given_back() {
    let limits = [(Limit::AnswersBytesPerRequester, 25_000_000)];
    let server = Server::start_within(APP, &limits).await;
    server.sql(
        "with recursive n(i) as (select 1 union all select i + 1 from n where i < 100)
         insert into letters (body) select printf('%.99000c', 'a') from n",
    );
    let guest = server.guest().await;
    let mut unread = Vec::new();
    for _ in 0..3 {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        let ask = format!("GET {RECORDS}?limit=100 HTTP/1.1\r\nHost: {}\r\n\r\n", server.address);
        // So that the system takes but a little of it.
        socket2::SockRef::from(&stream).set_recv_buffer_size(4_096).unwrap();
        stream.write_all(ask.as_bytes()).await.unwrap();
        unread.push(stream);
    }
    // Two fit; nobody reads more of them than how they begin.
    let mut refused = 0;
    for stream in &mut unread {
        let mut words = [0; 12];
        within("an answer to begin", stream.read_exact(&mut words)).await.unwrap();
        refused += usize::from(words == *b"HTTP/1.1 429");
    }
    assert_eq!(refused, 1);
    let path = format!("{RECORDS}?limit=100");
    let list = async || guest.request(Method::GET, &path).send().await.unwrap();
    let answer = list().await;
    assert_eq!(answer.status(), 429);
    let told: Json = answer.json().await.unwrap();
    assert!(told["message"].as_str().unwrap().contains("you have not read"), "{told}");
    // What is short is answered all the same.
    assert_eq!(guest.get("/").await.0, 200);
    drop(unread);
    let whole = async {
        loop {
            let answer = list().await;
            if answer.status() == 200 {
                return answer.json().await.unwrap();
            }
        }
    };
    let list: Json = within("what was held to be given back", whole).await;
    assert_eq!(list["records"].as_array().unwrap().len(), 100);
    assert_eq!(list["records"][99]["fields"]["body"].as_str().unwrap().len(), 99_000);
}

#[tokio::test]
async fn lists_that_are_being_made_are_bounded_before_they_are_made() {
    let limits = [(Limit::ListBytes, 2_000_000), (Limit::ListsBytesPerRequester, 5_000_000)];
    let server = Server::start_within(APP, &limits).await;
    server.sql(
        "with recursive n(i) as (select 1 union all select i + 1 from n where i < 100)
         insert into letters (body) select printf('%.99000c', 'a') from n",
    );
    let (guest, admin) = (server.guest().await, server.admin().await);
    for client in [&guest, &admin] {
        let (status, told) = client.get(&path(100)).await;
        assert_eq!((status, &told["code"]), (422, &json!("TOO_MUCH")), "{told}");
        let words =
            "these records are more than 2000000 bytes together; request fewer of them at once";
        assert_eq!(told["message"], words);
        let (status, list) = client.get(&path(15)).await;
        assert_eq!((status, list["records"].as_array().unwrap().len()), (200, 15));
    }
    // What is held is given back each time.
    let list = path(15);
    let lists = (0..20).map(|_| guest.get(&list));
    let answers = futures_util::future::join_all(lists).await;
    assert!(answers.iter().all(|(status, _)| [200, 429].contains(status)));
    assert_eq!(guest.get(&path(15)).await.0, 200);
}

fn path(limit: usize) -> String {
    format!("{RECORDS}?limit={limit}")
}

/// SQLite has one writer: whoever only wants to know what an import would do is not to keep others from it.
#[tokio::test]
async fn an_import_that_is_only_tried_out_makes_way_for_writes() {
    let server = Server::start_within(APP, &[(Limit::TrialTime, 5)]).await;
    let guest = server.guest().await;
    let lines: String = (0..5_000).map(|nth| format!("letter {nth}\n")).collect();
    let file = format!("body\n{lines}");
    let trial = || {
        let path = format!("{RECORDS}/import?dryRun=true");
        let request = guest.request(Method::POST, &path).header("content-type", "text/csv");
        request.body(file.clone()).send()
    };
    let mut tried = std::pin::pin!(trial());
    let mut written = 0;
    let answer = loop {
        let letter = json!({ "fields": { "body": "meant" } });
        let write = guest.send(Method::POST, RECORDS, Some(letter));
        tokio::select! {
            answer = &mut tried => break answer.unwrap(),
            (status, _) = write => {
                assert_eq!(status, 201);
                written += 1;
            }
        }
    };
    assert!(written > 50, "{written} writes while the file was tried out");
    let status = answer.status();
    let told: Json = answer.json().await.unwrap();
    if status == 503 {
        assert_eq!(told["code"], "BUSY");
        assert!(told["message"].as_str().unwrap().starts_with("other writes did not leave time"));
    } else {
        assert_eq!((status.as_u16(), &told["created"]), (200, &json!(5_000)));
    }
    // Where nobody else writes it takes the time that it takes.
    let told: Json = trial().await.unwrap().json().await.unwrap();
    assert_eq!((&told["created"], &told["faults"]), (&json!(5_000), &json!([])));
    let kept: usize = server.sql("select count(*) from letters").parse().unwrap();
    assert!(kept >= written, "{kept} of {written}");
    assert_eq!(server.sql("select count(*) from letters where body <> 'meant'"), "0");
}
