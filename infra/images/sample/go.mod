module tenantry.dev/infra/images/sample

go 1.26.0
