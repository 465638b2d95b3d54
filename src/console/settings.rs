//! 設定: the settings in force and who set each. They are read here, never changed.

use askama::Template;
use axum::{extract::State, http::StatusCode, response::Response};

use super::{
    Console,
    desk::Desk,
    frame::Frame,
    reply::{page, refused},
};
use crate::domain::staff::Act;

/// A setting as it is in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingInForce {
    /// The key, as the file of settings writes it.
    pub key: &'static str,
    /// The value, as TOML writes it.
    pub value: String,
    /// Who set it, in Japanese.
    pub set_by: String,
}

#[derive(Template)]
#[template(path = "settings.html")]
struct SettingsPage<'a> {
    frame: Frame,
    rows: Vec<Row<'a>>,
}

struct Row<'a> {
    key: &'static str,
    value: &'a str,
    means: &'static str,
    set_by: &'a str,
}

pub(super) async fn show(State(console): State<Console>, desk: Desk) -> Response {
    let seen = desk
        .see_through(|world, institution, staff| async move {
            let server = world.server(institution)?;
            server
                .begin_act(&staff, Act::ReadSettings, None, world.now())
                .await?;
            Ok(())
        })
        .await;
    if let Err(fault) = seen {
        return refused(&fault);
    }
    let rows = console.settings.iter().map(|setting| Row {
        key: setting.key,
        value: setting.value.trim_matches('"'),
        means: means(setting.key),
        set_by: &setting.set_by,
    });
    page(
        StatusCode::OK,
        &SettingsPage {
            frame: Frame::of(&desk, "/settings", "設定"),
            rows: rows.collect(),
        },
    )
}

/// What a setting does; nothing for a key that the page does not explain.
fn means(key: &str) -> &'static str {
    match key {
        "hold.four_eyes" => {
            "承認できる職員。two_accounts は確認した職員と別の職員だけ、record_only は同じ職員でもよく、記録に残ります。"
        }
        "hold.wait_days" => "保留した照会が期限を迎えるまでの日数。",
        "hold.overdue" => {
            "期限を過ぎた照会の扱い。nothing は何もせず、refuse は提供せずに終了し、escalate は所属長向けに印を付けます。"
        }
        "staff.password_characters_min" => "パスワードの最少文字数。",
        "staff.password_days" => "パスワードを使用できる日数。過ぎると変更するまで操作できません。",
        "staff.passwords_remembered" => "再び使用できない過去のパスワードの個数。",
        "staff.failures_max" => "パスワードを続けて誤ったときにアカウントをロックするまでの回数。",
        "staff.idle_minutes" => "操作がないときにログアウトするまでの分数。",
        "staff.session_minutes" => "操作を続けていてもログアウトするまでの分数。",
        "staff.opens_hour" => "執務時間の始まり（時）。これより前のログインは分析に挙がります。",
        "staff.closes_hour" => "執務時間の終わり（時）。これより後のログインは分析に挙がります。",
        "staff.failures_found" => "1日に何回ログインに失敗すると分析に挙がるか。",
        "staff.unused_days" => "何日使われないアカウントが分析に挙がるか。",
        "staff.volume_max" => "1日に何回まで値の表示と出力をしても分析に挙がらないか。",
        "inquiry.message_bytes_max" => {
            "応答に入れる結果の最大バイト数。超える結果はダウンロードになる。"
        }
        "inquiry.download_hours" => "ダウンロードを取得できる時間数。",
        "inquiry.inquiries_each_max" => "1機関の照会のうち、処理の開始を待てる件数。",
        "inquiry.sealing_answers_max" => {
            "同じ鍵への回答を1つの暗号化コンテキストで封印する件数。1 は、回答ごとに鍵を合意します。"
        }
        "inquiry.sealing_minutes" => "1つの暗号化コンテキストを使う分数。",
        "staff.training_accounts" => {
            "新しい世界に研修用アカウントを作るかどうか。作るとき、パスワードは共通です。"
        }
        "inquiry.result_retention_days" => "照会結果を取得できる日数。",
        "inquiry.permit_seconds" => "提供許可証が有効な秒数。",
        "inquiry.permission_list_days" => "提供許可の一覧の写しを使用できる日数。",
        "inquiry.acquisition_serial_hours" => "符号の取得に使う処理通番が有効な時間数。",
        _ => "",
    }
}
