//! Sealing to a key of the business system: whose key is used when, and that nobody else opens the answer.

use std::{path::Path, process::Command};

use chukan::grpc::proto::v1::{
    self, ListSealingKeysRequest, RegisterSealingKeyRequest, RevokeSealingKeyRequest, SealedAnswer,
    SubmitInquiryRequest, inquiry_service_client::InquiryServiceClient,
    sealing_key_service_client::SealingKeyServiceClient, specific_info_result::Answer,
};
use data_encoding::{BASE64, HEXLOWER};
use tempfile::TempDir;
use tonic::Code;

use crate::{
    frozen::{self, InWorld, hour},
    net::{self, CITY, KEY_CITY, Net, WARD, codes, tax_inquiry},
    told::told,
};

/// A private key in a file, and its public half.
struct Key {
    dir: TempDir,
    public: Vec<u8>,
}

impl Key {
    /// Makes one with `chukan key new`.
    fn new() -> Self {
        let dir = TempDir::new().unwrap();
        let made = chukan()
            .args(["key", "new", "--out"])
            .arg(dir.path().join("key"))
            .output()
            .unwrap();
        assert!(made.status.success(), "{made:?}");
        let public = String::from_utf8(made.stdout).unwrap();
        let public = BASE64.decode(public.trim().as_bytes()).unwrap();
        assert_eq!(public.len(), 32);
        Self { dir, public }
    }

    fn path(&self) -> std::path::PathBuf {
        self.dir.path().join("key")
    }

    /// What `chukan open` says: the answer, or its complaint with the exit code.
    fn open(&self, answer: &SealedAnswer) -> Result<serde_json::Value, (i32, String)> {
        open(&self.path(), answer)
    }
}

fn chukan() -> Command {
    Command::new(env!("CARGO_BIN_EXE_chukan"))
}

fn open(key: &Path, answer: &SealedAnswer) -> Result<serde_json::Value, (i32, String)> {
    let file = TempDir::new().unwrap();
    let path = file.path().join("answer.json");
    let json = serde_json::json!({
        "encapsulatedKey": BASE64.encode(&answer.encapsulated_key),
        "ciphertext": BASE64.encode(&answer.ciphertext),
        "info": BASE64.encode(&answer.info),
        "aad": BASE64.encode(&answer.aad),
        "keyFingerprint": BASE64.encode(&answer.key_fingerprint),
        "exportContext": BASE64.encode(&answer.export_context),
    });
    std::fs::write(&path, json.to_string()).unwrap();
    let ran = chukan()
        .arg("open")
        .arg("--key")
        .arg(key)
        .arg(&path)
        .output()
        .unwrap();
    if ran.status.success() {
        Ok(serde_json::from_slice(&ran.stdout).unwrap())
    } else {
        assert!(ran.stdout.is_empty(), "nothing is shown that does not open");
        let said = String::from_utf8(ran.stderr).unwrap();
        Err((ran.status.code().unwrap(), said))
    }
}

/// しおかぜ市 in the frozen world.
struct KeyCity {
    net: Net,
    inquiries: InquiryServiceClient<InWorld>,
    keys: SealingKeyServiceClient<InWorld>,
    asked: u32,
}

impl KeyCity {
    async fn new() -> Self {
        Self::with(&[]).await
    }

    async fn with(arguments: &[&str]) -> Self {
        let net = net::start_with(arguments);
        frozen::create(&net).await;
        let channel = frozen::channel(&net, KEY_CITY).await;
        Self {
            inquiries: InquiryServiceClient::new(channel.clone()),
            keys: SealingKeyServiceClient::new(channel),
            net,
            asked: 0,
        }
    }

    /// Registers a key for some hours of the world; returns its fingerprint.
    async fn register(&mut self, key: &Key, from: i64, to: i64) -> String {
        let request = RegisterSealingKeyRequest {
            public_key: key.public.clone(),
            valid_from: Some(hour(from)),
            valid_to: Some(hour(to)),
        };
        let registered = self.keys.register_sealing_key(request).await.unwrap();
        registered.into_inner().key.unwrap().fingerprint
    }

    fn request(&mut self, key: Option<&Key>) -> SubmitInquiryRequest {
        self.asked += 1;
        let mut request = tax_inquiry(&format!("k-{}", self.asked), 0);
        request.requested_at = Some(hour(0));
        request.details[0].addressee_number = net::person(0, KEY_CITY);
        request.sealing_public_key = key.map(|key| key.public.clone()).unwrap_or_default();
        request
    }

    /// Asks, and returns the answer, which is sealed.
    async fn ask(&mut self, key: Option<&Key>) -> SealedAnswer {
        let request = self.request(key);
        let inquiry = frozen::ask(&mut self.inquiries, request).await;
        assert_eq!(codes(&inquiry), ["01"]);
        match inquiry.details[0].specific_infos[0].answer.clone() {
            Some(Answer::Sealed(sealed)) => sealed,
            other => panic!("not sealed: {other:?}"),
        }
    }

    /// Asks, and is refused for want of a key.
    async fn ask_without_key(&mut self) {
        let request = self.request(None);
        let status = self.inquiries.submit_inquiry(request).await.unwrap_err();
        assert_eq!(status.code(), Code::FailedPrecondition);
        assert_eq!(told(&status).reason, "SEALING_KEY_MISSING");
    }
}

#[tokio::test]
async fn without_a_key_nothing_is_accepted_and_bad_keys_are_refused() {
    let mut city = KeyCity::new().await;
    city.ask_without_key().await;
    let key = Key::new();
    let register = |public_key: &[u8], from, to: Option<i64>| RegisterSealingKeyRequest {
        public_key: public_key.into(),
        valid_from: Some(hour(from)),
        valid_to: to.map(hour),
    };
    for (request, fields) in [
        (register(&[7; 31], 0, Some(1)), vec!["public_key"]),
        (register(&[0; 32], 0, Some(1)), vec!["public_key"]),
        (register(&key.public, 0, None), vec!["valid_to"]),
        (register(&key.public, 2, Some(1)), vec!["valid_to"]),
        (register(&key.public, -2, Some(-1)), vec!["valid_to"]),
    ] {
        let status = city.keys.register_sealing_key(request).await.unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument);
        assert_eq!(told(&status).paths(), fields);
    }
    city.ask_without_key().await;
    let listed = city
        .inquiries
        .list_inquiries(v1::ListInquiriesRequest::default())
        .await;
    assert!(listed.unwrap().into_inner().inquiries.is_empty());
    city.register(&key, 0, 10).await;
    let again = register(&key.public, 0, Some(20));
    let status = city.keys.register_sealing_key(again).await.unwrap_err();
    assert_eq!(
        (status.code(), told(&status).reason.as_str()),
        (Code::AlreadyExists, "SEALING_KEY_EXISTS")
    );
}

#[tokio::test]
async fn only_the_key_of_the_business_system_opens_the_answer_and_no_byte_may_change() {
    let mut city = KeyCity::new().await;
    let (key, other) = (Key::new(), Key::new());
    let fingerprint = city.register(&key, 0, 10).await;
    let sealed = city.ask(None).await;
    assert_eq!(HEXLOWER.encode(&sealed.key_fingerprint), fingerprint);
    let opened = key.open(&sealed).unwrap();
    assert!(
        !opened.to_string().is_empty() && opened.is_object(),
        "{opened}"
    );
    assert!(opened.to_string().contains("TK9000000000200"), "{opened}");

    let refused = |key: &Key, answer: &SealedAnswer| {
        let (code, said) = key.open(answer).unwrap_err();
        assert_eq!(code, 1, "{said}");
        assert!(said.contains("この鍵では開けません"), "{said}");
    };
    refused(&other, &sealed);
    let spoilt: [fn(&mut SealedAnswer); 7] = [
        |a| a.ciphertext[0] ^= 1,
        |a| *a.ciphertext.last_mut().unwrap() ^= 0x80,
        |a| a.encapsulated_key[3] ^= 4,
        |a| a.info[0] ^= 1,
        |a| *a.aad.last_mut().unwrap() ^= 1,
        |a| a.export_context[30] ^= 1,
        |a| a.export_context.clear(),
    ];
    for spoil in spoilt {
        let mut answer = sealed.clone();
        spoil(&mut answer);
        refused(&key, &answer);
    }
    // The answer of one exchange does not pass for that of another, though the same key opens both.
    let second = city.ask(None).await;
    assert_ne!(sealed.aad, second.aad);
    let mut exchanged = sealed.clone();
    exchanged.aad.clone_from(&second.aad);
    refused(&key, &exchanged);
    exchanged.export_context.clone_from(&second.export_context);
    refused(&key, &exchanged);
    exchanged.info = second.info;
    refused(&key, &exchanged);
}

#[tokio::test]
async fn a_provider_keeps_its_context_for_so_many_answers_and_so_long() {
    let rotation = [
        "--set",
        "inquiry.sealing_answers_max=2",
        "--set",
        "inquiry.sealing_minutes=60",
    ];
    let mut city = KeyCity::with(&rotation).await;
    let key = Key::new();
    city.register(&key, 0, 10).await;
    let mut answers = Vec::new();
    for at in [0, 0, 0, 1, 0] {
        frozen::set_hour(&city.net, at).await;
        answers.push(city.ask(None).await);
    }
    let contexts: Vec<_> = answers
        .iter()
        .map(|answer| &answer.encapsulated_key)
        .collect();
    assert_eq!(contexts[0], contexts[1]);
    assert_ne!(contexts[1], contexts[2], "two answers are enough");
    assert_ne!(contexts[2], contexts[3], "an hour is enough");
    assert_ne!(contexts[3], contexts[4], "the clock was set back");
    for answer in &answers {
        assert!(key.open(answer).is_ok());
    }
}

#[tokio::test]
async fn with_one_answer_for_each_context_all_are_sealed_by_themselves() {
    let mut city = KeyCity::with(&["--set", "inquiry.sealing_answers_max=1"]).await;
    let key = Key::new();
    city.register(&key, 0, 10).await;
    let (first, second) = (city.ask(None).await, city.ask(None).await);
    assert_ne!(first.encapsulated_key, second.encapsulated_key);
    for answer in [&first, &second] {
        assert!(answer.export_context.is_empty());
        assert!(key.open(answer).is_ok());
    }
    let mut exchanged = first;
    exchanged.info = second.info;
    assert!(key.open(&exchanged).is_err());
}

#[tokio::test]
async fn the_key_that_comes_with_the_inquiry_goes_before_the_registered_one() {
    let mut city = KeyCity::new().await;
    let (registered, sent) = (Key::new(), Key::new());
    let sealed = city.ask(Some(&sent)).await;
    assert!(sent.open(&sealed).is_ok(), "no key need be registered");
    city.register(&registered, 0, 10).await;
    let sealed = city.ask(Some(&sent)).await;
    assert!(sent.open(&sealed).is_ok());
    assert!(registered.open(&sealed).is_err());
}

#[tokio::test]
async fn a_second_key_takes_over_in_its_time_and_ended_keys_are_not_used() {
    let mut city = KeyCity::new().await;
    let (old, new) = (Key::new(), Key::new());
    city.register(&old, 1, 30).await;
    let newer = city.register(&new, 10, 20).await;
    city.ask_without_key().await;
    for (at, used) in [(1, &old), (9, &old), (10, &new), (19, &new), (20, &old)] {
        frozen::set_hour(&city.net, at).await;
        let sealed = city.ask(None).await;
        assert!(used.open(&sealed).is_ok(), "hour {at}");
    }
    frozen::set_hour(&city.net, 30).await;
    city.ask_without_key().await;

    frozen::set_hour(&city.net, 12).await;
    let revoke = RevokeSealingKeyRequest { fingerprint: newer };
    let revoked = city.keys.revoke_sealing_key(revoke.clone()).await.unwrap();
    assert_eq!(revoked.into_inner().key.unwrap().valid_to, Some(hour(12)));
    let sealed = city.ask(None).await;
    assert!(old.open(&sealed).is_ok(), "the revoked key is not used");
    let unknown = RevokeSealingKeyRequest {
        fingerprint: "00".repeat(32),
    };
    let status = city.keys.revoke_sealing_key(unknown).await.unwrap_err();
    assert_eq!(status.code(), Code::NotFound);
}

#[tokio::test]
async fn a_city_whose_server_holds_the_key_gets_a_sealed_answer_when_it_sends_a_key() {
    let net = net::start();
    let mut client = net.inquiries(CITY).await;
    let key = Key::new();
    let mut request = tax_inquiry("k-1", 0);
    request.sealing_public_key.clone_from(&key.public);
    let inquiry = net::ask(&mut client, request).await;
    assert_eq!(inquiry.details[0].specific_infos[0].provider, WARD);
    let Some(Answer::Sealed(sealed)) = &inquiry.details[0].specific_infos[0].answer else {
        panic!("not sealed");
    };
    assert!(key.open(sealed).is_ok());
}

#[tokio::test]
async fn an_institution_sees_its_own_keys_and_nobody_elses() {
    let mut city = KeyCity::new().await;
    let (first, second) = (Key::new(), Key::new());
    let first = city.register(&first, 0, 48).await;
    let second = city.register(&second, 24, 72).await;
    let request = RevokeSealingKeyRequest {
        fingerprint: first.clone(),
    };
    city.keys.revoke_sealing_key(request).await.unwrap();
    let listed = city.keys.list_sealing_keys(ListSealingKeysRequest {}).await;
    let keys = listed.unwrap().into_inner().keys;
    let seen: Vec<_> = keys.iter().map(|key| &key.fingerprint).collect();
    assert_eq!(seen, [&second, &first], "the newest validity first");
    assert!(keys.iter().all(|key| !key.held_by_server));
    assert_eq!(keys[1].valid_to, Some(hour(0)), "revoked");
    let mut other = SealingKeyServiceClient::new(frozen::channel(&city.net, net::CITY).await);
    let listed = other.list_sealing_keys(ListSealingKeysRequest {}).await;
    let keys = listed.unwrap().into_inner().keys;
    assert!(keys.iter().all(|key| key.held_by_server), "{keys:?}");
    let mut prints = keys.iter().map(|key| &key.fingerprint);
    assert!(prints.all(|print| *print != first && *print != second));
}
