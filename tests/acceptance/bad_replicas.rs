//! Bad replicas: each flaw is named by its field, and of a call with one bad replica nothing is registered.

use chukan::grpc::proto::v1::{
    self, GetReplicaRequest, ListReplicasRequest, RegisterReplicasRequest, Replica, item::Content,
    replica_service_client::ReplicaServiceClient,
};
use tonic::{Code, transport::Channel};

use crate::{
    bad_input::NUMBER,
    net::{self, TAX, WARD, person},
    told::{echoes, told},
};

type Client = ReplicaServiceClient<Channel>;

/// A sound replica of sample person 0, not registered yet.
async fn sound(client: &mut Client, record_key: &str) -> Replica {
    let request = ListReplicasRequest {
        addressee_number: person(0, WARD),
        specific_info: TAX.into(),
        ..Default::default()
    };
    let listed = client.list_replicas(request).await.unwrap().into_inner();
    let newest = listed
        .replicas
        .into_iter()
        .max_by_key(|replica| replica.fiscal_year);
    let mut replica = newest.unwrap();
    replica.key.as_mut().unwrap().record_key = record_key.into();
    replica
}

async fn is_registered(client: &mut Client, replica: &Replica) -> bool {
    let key = replica.key.clone();
    match client.get_replica(GetReplicaRequest { key }).await {
        Ok(_) => true,
        Err(status) => {
            assert_eq!(status.code(), Code::NotFound);
            false
        }
    }
}

fn item(replica: &mut Replica, at: usize) -> &mut v1::Item {
    &mut replica.content[0].items[at]
}

fn value(replica: &mut Replica, at: usize, value: &str) {
    item(replica, at).content = Some(Content::Value(value.into()));
}

/// The field below the replica, and how it is spoilt. Item 0 is digits, 1 a code, 2 text, 3 an integer.
type Bad = (&'static str, fn(&mut Replica));

const BAD: &[Bad] = &[
    ("key.addressee_number", |r| {
        r.key.as_mut().unwrap().addressee_number = NUMBER.into()
    }),
    ("key.specific_info", |r| {
        r.key.as_mut().unwrap().specific_info = "税".into()
    }),
    ("key.record_key", |r| {
        r.key.as_mut().unwrap().record_key = "a\0b".into()
    }),
    ("layout_version", |r| r.layout_version = "1999.01".into()),
    ("record_date", |r| r.record_date = "2026-02-30".into()),
    ("fiscal_year", |r| r.fiscal_year = Some(1_999)),
    ("publication.from", |r| r.publication = None),
    ("publication.to", |r| {
        r.publication.as_mut().unwrap().to = "x".into()
    }),
    ("publication.to", |r| {
        r.publication.as_mut().unwrap().to = "2001-01-01".into()
    }),
    ("content[0].items[0].value", |r| value(r, 0, "２０２６")),
    ("content[0].items[0].value", |r| value(r, 0, "20261")),
    ("content[0].items[1].value", |r| value(r, 1, "9")),
    ("content[0].items[2].value", |r| {
        value(r, 2, &"港".repeat(101))
    }),
    ("content[0].items[2].value", |r| value(r, 2, "港\u{e000}町")),
    ("content[0].items[2].value", |r| value(r, 2, "港\n町")),
    ("content[0].items[2].value", |r| {
        value(r, 2, "番号は123456789018です")
    }),
    ("content[0].items[2].value", |r| {
        value(r, 2, "番号1234－5678－9018です")
    }),
    ("content[0].items[3].value", |r| value(r, 3, "0012")),
    ("content[0].items[3].value", |r| value(r, 3, "")),
    ("content[0].items[3].value", |r| item(r, 3).content = None),
    ("content[0].items[3].value", |r| {
        item(r, 3).content = Some(Content::Missing(0))
    }),
    ("content[0].items[3].value", |r| {
        item(r, 3).content = Some(Content::Missing(99))
    }),
    ("content[0].items[9].item_code", |r| {
        item(r, 9).item_code = "x".into()
    }),
];

#[tokio::test]
async fn each_flaw_of_a_replica_is_named_and_nothing_is_half_written() {
    let net = net::start();
    let mut client = ReplicaServiceClient::new(net.channel(WARD).await);
    let good = sound(&mut client, "new-1").await;
    let other = sound(&mut client, "new-2").await;
    let mut wrong = Vec::new();
    for (field, spoil) in BAD {
        let mut bad = other.clone();
        spoil(&mut bad);
        let replicas = vec![good.clone(), bad];
        let request = RegisterReplicasRequest { replicas };
        let status = client.register_replicas(request).await.unwrap_err();
        let told = told(&status);
        assert_eq!(told.code, Code::InvalidArgument, "{field}");
        let expected = format!("replicas[1].{field}");
        if told.paths() != [expected.as_str()] {
            wrong.push((expected, told));
        }
        assert!(!echoes(&status, NUMBER.as_bytes()), "{field}");
        assert!(!is_registered(&mut client, &good).await, "{field}");
        assert!(!is_registered(&mut client, &other).await, "{field}");
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    let replicas = vec![good.clone(), other.clone()];
    let registered = client
        .register_replicas(RegisterReplicasRequest { replicas })
        .await;
    assert_eq!(registered.unwrap().into_inner().registered, 2);
}

#[tokio::test]
async fn an_unknown_layout_version_is_refused_with_the_known_ones() {
    let net = net::start();
    let mut client = ReplicaServiceClient::new(net.channel(WARD).await);
    let mut bad = sound(&mut client, "new-1").await;
    bad.layout_version = "1999.01".into();
    let replicas = vec![bad];
    let status = client
        .register_replicas(RegisterReplicasRequest { replicas })
        .await
        .unwrap_err();
    let told = told(&status);
    let (_, text) = &told.fields[0];
    assert!(text.contains("2026.06"), "{text}");
}

#[tokio::test]
async fn a_replica_stands_once_in_a_call_and_a_call_is_neither_empty_nor_too_long() {
    let net = net::start();
    let mut client = ReplicaServiceClient::new(net.channel(WARD).await);
    let good = sound(&mut client, "new-1").await;
    let short = Replica {
        key: good.key.clone(),
        ..Default::default()
    };
    for (replicas, field) in [
        (vec![good.clone(), good.clone()], "replicas[1].key"),
        (vec![], "replicas"),
        (vec![short; 10_001], "replicas"),
    ] {
        let status = client
            .register_replicas(RegisterReplicasRequest { replicas })
            .await
            .unwrap_err();
        assert!(matches!(
            status.code(),
            Code::InvalidArgument | Code::AlreadyExists
        ));
        assert_eq!(told(&status).paths(), [field]);
        assert!(!is_registered(&mut client, &good).await);
    }
}
