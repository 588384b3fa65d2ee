# Creates many assets at once, past the web: fill.pl COUNT PREFIX CATALOG. Prints the first and the last id.
use strict; use warnings;
use lib '/usr/local/share/request-tracker5/lib', '/usr/share/request-tracker5/lib';
use RT; RT::LoadConfig(); RT::Init();
my ($count, $prefix, $catalog) = @ARGV;
my $serial = RT::CustomField->new(RT->SystemUser);
$serial->LoadByCols(Name => 'Serial Number', LookupType => RT::Asset->CustomFieldLookupType);
my @ids;
RT->DatabaseHandle->BeginTransaction;
for my $number (1 .. $count) {
    my $asset = RT::Asset->new(RT->SystemUser);
    my ($id, $message) = $asset->Create(
        Name => sprintf('%s%04d', $prefix, $number), Catalog => $catalog, 'CustomField-' . $serial->Id => sprintf('S-%s%04d', $prefix, $number));
    die "asset: $message\n" unless $id;
    push @ids, $id;
}
RT->DatabaseHandle->Commit;
print "$ids[0] $ids[-1]\n";
