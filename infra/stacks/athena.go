package stacks

import (
	"embed"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsathena"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsglue"

	"github.com/malikobaid/cityflow/infra/config"
)

// Column is one field of the access log: its name there, its name and type in
// the table.
type Column struct{ Field, Name, Type string }

// AccessColumns are the fields that the access log keeps: what the queries
// read and what an incident needs. No cookies, and no query strings: those may
// hold ids of jobs.
// https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/standard-logs-reference.html
var AccessColumns = []Column{
	{"date", "day_utc", "string"},
	{"time", "time_utc", "string"},
	{"c-ip", "c_ip", "string"},
	{"cs-method", "method", "string"},
	{"cs(Host)", "host", "string"},
	{"cs-uri-stem", "path", "string"},
	{"sc-status", "status", "string"},
	{"sc-bytes", "bytes", "string"},
	{"cs(Referer)", "referrer", "string"},
	{"cs(User-Agent)", "user_agent", "string"},
	{"x-edge-location", "edge_location", "string"},
	{"x-edge-result-type", "result_type", "string"},
	{"time-taken", "seconds", "string"},
	{"ssl-protocol", "tls", "string"},
	{"cs-protocol-version", "protocol", "string"},
	{"c-country", "country", "string"},
}

//go:embed queries/*.sql
var queryFiles embed.FS

// Query is one saved question to the access log. Its file begins with a
// comment that says what it answers.
type Query struct{ Name, About, SQL string }

// Queries are all saved questions, by name.
func Queries() []Query {
	entries, err := queryFiles.ReadDir("queries")
	if err != nil {
		panic(err) // embedded above
	}
	var out []Query
	for _, e := range entries {
		b, err := queryFiles.ReadFile("queries/" + e.Name())
		if err != nil {
			panic(err)
		}
		about, _, _ := strings.Cut(string(b), "\n")
		out = append(out, Query{strings.TrimSuffix(e.Name(), ".sql"), strings.TrimPrefix(about, "-- "), string(b)})
	}
	return out
}

// athena is the access log as a table and the questions to it. Asking costs
// $5 per TB read: a question that would read more than 1 GB is refused.
func athena(stack awscdk.Stack, c *config.Config, distribution string) {
	group := awsathena.NewCfnWorkGroup(stack, str("Questions"), &awsathena.CfnWorkGroupProps{
		Name: str("cityflow"), Description: str("Questions to the access log of the site"), RecursiveDeleteOption: yes,
		WorkGroupConfiguration: &awsathena.CfnWorkGroup_WorkGroupConfigurationProperty{
			EnforceWorkGroupConfiguration: yes, PublishCloudWatchMetricsEnabled: no, BytesScannedCutoffPerQuery: num(1 << 30),
			ResultConfiguration: &awsathena.CfnWorkGroup_ResultConfigurationProperty{
				OutputLocation:          str("s3://" + c.Names.LogsBucket + "/athena/"),
				EncryptionConfiguration: &awsathena.CfnWorkGroup_EncryptionConfigurationProperty{EncryptionOption: str("SSE_S3")},
			},
		},
	})
	db := awsglue.NewCfnDatabase(stack, str("Database"), &awsglue.CfnDatabaseProps{
		CatalogId: str(c.Account), DatabaseInput: &awsglue.CfnDatabase_DatabaseInputProperty{Name: str("cityflow"), Description: str("Access log of CityFlow")},
	})
	columns, serde := list{}, obj{"ignore.malformed.json": "true"}
	for _, col := range AccessColumns {
		columns = append(columns, &awsglue.CfnTable_ColumnProperty{Name: str(col.Name), Type: str(col.Type)})
		serde["mapping."+col.Name] = strings.ToLower(col.Field)
	}
	base := "s3://" + c.Names.LogsBucket + "/AWSLogs/" + c.Account + "/CloudFront/"
	table := awsglue.NewCfnTable(stack, str("AccessLog"), &awsglue.CfnTableProps{
		CatalogId: str(c.Account), DatabaseName: str("cityflow"),
		TableInput: &awsglue.CfnTable_TableInputProperty{
			Name: str("access_log"), TableType: str("EXTERNAL_TABLE"), Description: str("One row per request to the site"),
			PartitionKeys: list{&awsglue.CfnTable_ColumnProperty{Name: str("day"), Type: str("string")}},
			// The days are computed, not listed: nobody has to add partitions.
			Parameters: obj{
				"projection.enabled": "true", "projection.day.type": "date", "projection.day.format": "yyyy/MM/dd", "projection.day.range": "2025/01/01,NOW",
				"projection.day.interval": "1", "projection.day.interval.unit": "DAYS", "storage.location.template": base + "${day}",
			},
			StorageDescriptor: &awsglue.CfnTable_StorageDescriptorProperty{
				Location: str(base), Columns: columns, InputFormat: str("org.apache.hadoop.mapred.TextInputFormat"),
				OutputFormat: str("org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat"),
				SerdeInfo:    &awsglue.CfnTable_SerdeInfoProperty{SerializationLibrary: str("org.openx.data.jsonserde.JsonSerDe"), Parameters: serde},
			},
		},
	})
	table.AddResourceDependency(db, nil)
	for _, q := range Queries() {
		n := awsathena.NewCfnNamedQuery(stack, str("Query-"+q.Name), &awsathena.CfnNamedQueryProps{
			Name: str("cityflow-" + q.Name), Description: str(q.About), Database: str("cityflow"), WorkGroup: group.Ref(), QueryString: str(q.SQL),
		})
		n.AddResourceDependency(table, nil)
	}
}
