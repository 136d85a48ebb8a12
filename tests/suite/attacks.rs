//! Attacks by somebody who knows how servers of this kind are built: each is answered or bounded,
//! and others notice nothing.

use serde_json::json;

use crate::server::{DESK, Server};

const RECORDS: &str = "/api/tables/orders/records";

#[tokio::test]
async fn a_filter_at_its_limits_is_answered_and_beyond_them_refused() {
    let server = Server::start(DESK).await;
    let guest = server.guest().await;
    let ask = async |filter: String| guest.get(&format!("{RECORDS}?filter={filter}")).await;
    let one = r#"{"field":"customer","operator":"startsWith","value":"a"}"#;
    let not = |depth: usize| format!("{}[]{}", r#"{"not":"#.repeat(depth), "}".repeat(depth));
    let list = |parts: usize, part: &str| format!("[{}]", vec![part; parts].join(","));
    let values = |count: usize| format!("customer:in:{}", vec!["x"; count].join(","));
    let nested = |groups: usize| {
        let ors = vec![format!(r#"{{"or":[{one}]}}"#); groups];
        format!("[{}]", ors.join(","))
    };
    for filter in [not(8), list(100, one), list(99, "[]"), nested(99), values(500)] {
        let (status, answer) = ask(filter.clone()).await;
        assert_eq!(status, 200, "{filter:.60}: {answer}");
    }
    let beyond = [
        not(9),
        list(101, one),
        list(20_000, "[]"),
        list(2_000, r#"{"or":[]}"#),
        nested(101),
        values(501),
        list(20_000, "1"),
    ];
    for filter in beyond {
        let (status, answer) = ask(filter.clone()).await;
        assert_eq!((status, &answer["code"]), (400, &json!("BAD_REQUEST")), "{filter:.60}");
        assert!(answer.to_string().len() < 10_000, "{filter:.60}");
    }
}
