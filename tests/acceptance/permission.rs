//! 照会許可照合リスト: what it allows, what comes nearest, and that a stale copy allows nothing.

use chukan::grpc::proto::v1::{
    self, ExplainPermissionRequest, ExplainPermissionResponse, ListPermissionRowsRequest,
    inquiry_service_client::InquiryServiceClient,
    permission_list_service_client::PermissionListServiceClient,
};
use tonic::{Code, transport::Channel};

use crate::{
    frozen,
    net::{self, ACCOUNTS, CITY, DESIGNATED, PREFECTURE, TAX, WARD, codes, tax_inquiry},
    told::told,
};

type Lists = PermissionListServiceClient<Channel>;

async fn lists(net: &net::Net, who: &str) -> Lists {
    PermissionListServiceClient::new(net.channel(who).await)
}

/// A question: the four last digits of affair and procedure's series, the provider and the information.
fn question(codes: (&str, &str), provider: &str, info: &str) -> ExplainPermissionRequest {
    ExplainPermissionRequest {
        affair: codes.0.into(),
        procedure: codes.1.into(),
        provider: provider.into(),
        specific_info: info.into(),
        at: None,
    }
}

/// The made-up affair and procedure with this number.
fn made_up(number: u32) -> (String, String) {
    (
        format!("JM9000000000{number:04}"),
        format!("JT9000000000{number:04}"),
    )
}

fn about(number: u32, provider: &str, info: &str) -> ExplainPermissionRequest {
    let (affair, procedure) = made_up(number);
    question((&affair, &procedure), provider, info)
}

async fn explain(
    lists: &mut Lists,
    question: ExplainPermissionRequest,
) -> ExplainPermissionResponse {
    lists
        .explain_permission(question)
        .await
        .unwrap()
        .into_inner()
}

/// The rows that come nearest with the columns in which they differ.
fn nearest(response: &ExplainPermissionResponse) -> Vec<(&str, Vec<&str>)> {
    let rows = response.nearest.iter().map(|miss| {
        let id = miss.row.as_ref().unwrap().id.as_str();
        (id, miss.differs.iter().map(String::as_str).collect())
    });
    rows.collect()
}

#[tokio::test]
async fn what_no_row_allows_is_told_with_the_nearest_row() {
    let net = net::start();
    let mut city = lists(&net, CITY).await;
    let tax = (net::TAX_AFFAIR, net::TAX_PROCEDURE);
    let refused = explain(&mut city, question(tax, PREFECTURE, TAX)).await;
    assert!(!refused.allowed && refused.row.is_none());
    assert_eq!(nearest(&refused)[0], ("R-0001", vec!["provider"]));

    let expired = explain(&mut city, about(5, WARD, "TM90000000000001")).await;
    assert!(!expired.allowed);
    assert_eq!(nearest(&expired)[0], ("R-0008", vec!["valid_to"]));
    let early = explain(&mut city, about(6, WARD, "TM90000000000002")).await;
    assert_eq!(nearest(&early)[0], ("R-0009", vec!["valid_from"]));

    let mut prefecture = lists(&net, PREFECTURE).await;
    let class = explain(&mut prefecture, question(tax, WARD, TAX)).await;
    assert!(!class.allowed);
    assert!(nearest(&class).contains(&("R-0001", vec!["inquirer"])));

    let mut other = lists(&net, DESIGNATED).await;
    let named = explain(&mut other, about(7, WARD, "TM90000000000001")).await;
    assert_eq!(nearest(&named)[0], ("R-0010", vec!["inquirer"]));
}

#[tokio::test]
async fn a_row_allows_by_class_and_by_code_and_only_in_its_time() {
    let net = net::start();
    let mut city = lists(&net, CITY).await;
    let tax = (net::TAX_AFFAIR, net::TAX_PROCEDURE);
    let allowed = explain(&mut city, question(tax, WARD, TAX)).await;
    assert!(allowed.allowed && allowed.nearest.is_empty());
    assert_eq!(allowed.row.unwrap().id, "R-0001");
    let named = explain(&mut city, about(7, WARD, "TM90000000000001")).await;
    assert_eq!(named.row.unwrap().id, "R-0010");
    let accounts = (net::TAX_AFFAIR, "JT01010000000001");
    let mut prefecture = lists(&net, PREFECTURE).await;
    let by_class = question(accounts, ACCOUNTS, "TM00000000000089");
    assert_eq!(
        explain(&mut prefecture, by_class).await.row.unwrap().id,
        "R-0003"
    );

    // 2026-03-31 23:59:59 in Japan is the last second of the row; the next day has begun one second later.
    for (seconds, allowed) in [(1_774_969_199, true), (1_774_969_200, false)] {
        let mut at = about(5, WARD, "TM90000000000001");
        at.at = Some(prost_types::Timestamp { seconds, nanos: 0 });
        assert_eq!(explain(&mut city, at).await.allowed, allowed, "{seconds}");
    }
}

#[tokio::test]
async fn a_question_with_bad_fields_is_refused_by_field() {
    let net = net::start();
    let mut city = lists(&net, CITY).await;
    let bad = question(("JT01000000121000", ""), "9900000000009999", "税");
    let status = city.explain_permission(bad).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    let told = told(&status);
    assert_eq!(
        told.paths(),
        ["affair", "procedure", "specific_info", "provider"]
    );
}

#[tokio::test]
async fn an_inquiry_ends_as_the_list_says() {
    let net = net::start();
    let mut client = net.inquiries(CITY).await;
    for (number, info) in [(5, "TM90000000000001"), (6, "TM90000000000002"), (1, TAX)] {
        let mut request = tax_inquiry(&format!("p-{number}"), 0);
        (request.affair, request.procedure) = made_up(number);
        request.details[0].specific_infos[0].specific_info = info.into();
        let inquiry = net::ask(&mut client, request).await;
        assert_eq!(codes(&inquiry), ["20"]);
        let result = inquiry.details[0].specific_infos[0].result.clone().unwrap();
        let text = format!("指定された特定個人情報名「{info}」の照会は許可されていません。");
        assert_eq!(result.message, text);
    }
}

#[tokio::test]
async fn the_rows_are_listed_in_pages() {
    let net = net::start();
    let mut city = lists(&net, CITY).await;
    let list = city
        .get_permission_list(v1::GetPermissionListRequest {})
        .await;
    let list = list.unwrap().into_inner().permission_list.unwrap();
    let (mut ids, mut page_token) = (Vec::new(), String::new());
    loop {
        let request = ListPermissionRowsRequest {
            page_size: 4,
            page_token,
        };
        let page = city
            .list_permission_rows(request)
            .await
            .unwrap()
            .into_inner();
        assert!(page.rows.len() <= 4);
        ids.extend(page.rows.into_iter().map(|row| row.id));
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    assert_eq!(ids.len(), usize::try_from(list.row_count).unwrap());
    assert_eq!((ids[0].as_str(), ids[10].as_str()), ("R-0001", "R-0011"));
    for (page_size, page_token, field) in [
        (-1, "", "page_size"),
        (1, "-1", "page_token"),
        (1, "x", "page_token"),
        (1, "4", "page_token"),
        (1, "99.4", "page_token"),
    ] {
        let page_token = page_token.to_owned();
        let request = ListPermissionRowsRequest {
            page_size,
            page_token,
        };
        let status = city.list_permission_rows(request).await.unwrap_err();
        assert_eq!(told(&status).paths(), [field]);
    }
}

#[tokio::test]
async fn a_stale_copy_allows_nothing_until_it_is_copied_anew() {
    let net = net::start();
    frozen::create(&net).await;
    let mut client = InquiryServiceClient::new(frozen::channel(&net, CITY).await);
    let mut city = PermissionListServiceClient::new(frozen::channel(&net, CITY).await);
    let mut ward = PermissionListServiceClient::new(frozen::channel(&net, WARD).await);
    let tax = || question((net::TAX_AFFAIR, net::TAX_PROCEDURE), WARD, TAX);
    assert_eq!(
        codes(&frozen::ask(&mut client, tax_inquiry("s-1", 0)).await),
        ["01"]
    );

    frozen::set_hour(&net, 8 * 24).await;
    let inquiry = frozen::ask(&mut client, tax_inquiry("s-2", 0)).await;
    assert_eq!(codes(&inquiry), ["21"]);
    assert_eq!(inquiry.details[0].status_code, "99");
    let status = city.explain_permission(tax()).await.unwrap_err();
    assert_eq!(status.code(), Code::FailedPrecondition);
    assert_eq!(told(&status).reason, "PERMISSION_LIST_UNUSABLE");

    let refreshed = city
        .refresh_permission_list(v1::RefreshPermissionListRequest {})
        .await;
    let copied = refreshed.unwrap().into_inner().permission_list.unwrap();
    assert_eq!(copied.copied_at, Some(frozen::hour(8 * 24)));
    assert!(
        city.explain_permission(tax())
            .await
            .unwrap()
            .into_inner()
            .allowed
    );
    // The provider's own copy is still stale.
    assert_eq!(
        codes(&frozen::ask(&mut client, tax_inquiry("s-3", 0)).await),
        ["21"]
    );
    ward.refresh_permission_list(v1::RefreshPermissionListRequest {})
        .await
        .unwrap();
    assert_eq!(
        codes(&frozen::ask(&mut client, tax_inquiry("s-4", 0)).await),
        ["01"]
    );
}
