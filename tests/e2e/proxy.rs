//! Something between the operator and the platform that decodes a path and resolves its steps before it passes it on, as nginx
//! does with a URI in `proxy_pass`.

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::{Request, State},
    response::Response,
};
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use tokio::net::TcpListener;

/// Starts one in front of a platform; its URL.
pub async fn resolving(platform: String) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let proxy = Router::new().fallback(pass_on).with_state(platform);
    tokio::spawn(async move { axum::serve(listener, proxy).await });
    url
}

async fn pass_on(State(platform): State<String>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let url = format!("{platform}{}", resolved(parts.uri.path()));
    let mut headers = parts.headers;
    headers.remove("host");
    headers.remove("content-length");
    let body = to_bytes(body, usize::MAX).await.unwrap();
    let call = reqwest::Client::new().request(parts.method, url).headers(headers).body(body);
    let answer = call.send().await.unwrap();
    let mut response = Response::new(Body::empty());
    *response.status_mut() = answer.status();
    *response.headers_mut() = answer.headers().clone();
    response.headers_mut().remove("transfer-encoding");
    *response.body_mut() = Body::from(answer.bytes().await.unwrap());
    response
}

fn resolved(path: &str) -> String {
    let path = percent_decode_str(path).decode_utf8_lossy().into_owned();
    let mut places = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => drop(places.pop()),
            segment => places.push(format!("/{}", utf8_percent_encode(segment, NON_ALPHANUMERIC))),
        }
    }
    places.concat() + "/"
}
