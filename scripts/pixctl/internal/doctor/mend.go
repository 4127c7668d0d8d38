package doctor

import "fmt"

// Modules of Terraform that own what is looked at, as an environment calls them.
const (
	pubsubModule   = "pubsub"
	bigtableModule = "bigtable"
	bigqueryModule = "bigquery"
	storageModule  = "storage"
	secretsModule  = "secrets"
	dataGrants     = "grants_of_data"
	accountGrants  = "grants_of_accounts"
	secretGrants   = "grants_of_secrets"
)

// terraform is the command that makes what a module declares where it is not there, and changes back what is otherwise.
func (m *machine) terraform(module string) string {
	return fmt.Sprintf("terraform -chdir=terraform/envs/%s apply -target=module.sentinela.module.%s", m.environment, module)
}
