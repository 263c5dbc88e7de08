CREATE INDEX pip_ci_job_command ON pip_ci_job (job_id);
CREATE INDEX pip_ci_job_build ON pip_ci_job (build_id);
CREATE INDEX pip_job_finished ON pip_job (finished_ms);
