//! What Argo CD makes of our resources while nothing is deleted.

use crate::application::{Application, Mode};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_application_is_synced_and_healthy_and_stays_so() {
    Mode::each(|mode| async move {
        let app = Application::of_examples(mode).await;
        let before = app.world.kubectl(&["get", "apio,configmap", "-o", "yaml"]);
        app.world.platform.clear_journal();
        for _ in 0..3 {
            app.is_as_in_git().await;
        }
        assert_eq!(app.world.kubectl(&["get", "apio,configmap", "-o", "yaml"]), before);
        assert_eq!(app.world.writes(), [""; 0], "{}", app.story());
    })
    .await;
}
