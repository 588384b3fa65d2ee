# Runs the scrip for Request Tracker 6 on a new asset of this Request Tracker: run_scrip.pl CONDITION ACTION NAME CATALOG.
# Scrips of RT 5 never see an asset, so this stands in for the part of RT that would call it. Prints the id and the name.
use strict; use warnings;
use lib '/usr/local/share/request-tracker5/lib', '/usr/share/request-tracker5/lib';
use RT; RT::LoadConfig(); RT::Init();
my ($condition, $action, $name, $catalog) = @ARGV;

sub code {
    open my $file, '<', shift or die "$!\n";
    local $/;
    my $code = eval 'sub { my $self = shift; ' . <$file> . "\n}";
    die $@ if $@;
    return $code;
}

my $asset = RT::Asset->new(RT->SystemUser);
my ($id, $message) = $asset->Create(Name => $name, Catalog => $catalog);
die "asset: $message\n" unless $id;
my $scrip = bless { transaction => $asset->Transactions->First }, 'Scrip';
code($condition)->($scrip) or die "the condition is not met\n";
code($action)->($scrip) or die "the action failed\n";

my $seen = RT::Asset->new(RT->SystemUser);
$seen->Load($id);
print $id, ' ', $seen->Name, "\n";

package Scrip;
sub TransactionObj { return shift->{transaction} }
